"""How many objects each image has, and how sure that is, as CSV."""

import csv
import io
import os
from collections.abc import Iterator
from typing import Any

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results
from attend.files import atomic_file

LEVEL = 0.9
"""The probability that the interval of a count holds the true one."""


def write_counts(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a row for each image: UTF-8, commas, a header.

    `image`, `width` and `height` (of the picture in the file, in pixels), `count` (the most probable one),
    `listed` (how many of them the other tables have: those that others hide are only counted), `expected_count`,
    `count_low` and `count_high` (the central interval that holds 90 % of the probability),
    `density_per_megapixel` (the count over the part of the picture that was seen) and `density_per_mm2`, which is
    empty where the size of a pixel is not known.
    """
    with atomic_file(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for piece in results.pieces():
            writer.writerows(counts(piece))


def counts(piece: Results) -> Iterator[tuple[Any, ...]]:
    """Of each image the values of `COLUMNS`, as `write_counts` says."""
    expected, intervals = piece.scenes.expected_counts, piece.scenes.count_interval(LEVEL)
    for row, count in enumerate(piece.counts.tolist()):
        x0, y0, x1, y1 = piece.seen(row)
        pixels = (x1 - x0) * (y1 - y0)
        area = None if piece.pixel_size is None else pixels * piece.pixel_size**2 / 1e6
        low, high = intervals[row].tolist()
        yield (
            piece.name(row),
            *piece.size(row),
            count,
            int(piece.listed[row]),
            round(float(expected[row]), 4),
            low,
            high,
            round(count / pixels * 1e6, 4),
            None if area is None else round(count / area, 4),
        )


COLUMNS = (
    "image",
    "width",
    "height",
    "count",
    "listed",
    "expected_count",
    "count_low",
    "count_high",
    "density_per_megapixel",
    "density_per_mm2",
)
"""What is said of each image."""

exports.register("counts")(Export(write_counts, suffix=".csv", told_by_suffix=False))
