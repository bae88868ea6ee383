"""Measurements of every object, with the names that scikit-image gives them, as CSV."""

import csv
import io
import os
import warnings
from typing import Any

import numpy as np

from attend.errors import AttendError
from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results
from attend.files import atomic_file

LENGTHS = ("centroid", "perimeter", "equivalent_diameter_area", "axis_major_length", "axis_minor_length")
"""Properties in pixels, which are in micrometres too where the size of a pixel is known."""

PROPERTIES = (
    "label",
    "area",
    "bbox",
    *LENGTHS,
    "eccentricity",
    "orientation",
    "solidity",
    "extent",
    "intensity_mean",
    "intensity_min",
    "intensity_max",
)
"""Of `skimage.measure.regionprops`, as its documentation defines them."""


def measurements(piece: Results, row: int) -> dict[str, list[Any]]:
    """The columns of the table for one image: `image`, `label` (the object, from 1), `presence`, then `PROPERTIES`.

    They are measured on the label image as the format `labels` has it, in pixels of the picture in the file, and on the
    image's intensities in [0, 1]. Where the size of a pixel is known, `area_um2` and those of `LENGTHS` with `_um` are
    in micrometres. An object of which nothing is seen has an area of 0, and nothing else.

    Raises:
        AttendError: there are no masks.
    """
    from skimage.measure import regionprops_table  # slow to import

    image = piece.intensities(row)
    image = image[..., 0] if image.shape[2] == 1 else image
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an object of one pixel has no convex hull
        table = regionprops_table(piece.labels(row), image, properties=PROPERTIES)
    if piece.pixel_size is not None:
        table["area_um2"] = table["area"] * piece.pixel_size**2
        for name in [name for name in table if name.partition("-")[0] in LENGTHS]:
            table[f"{name}_um"] = table[name] * piece.pixel_size
    objects = list(piece.objects(row))
    at = dict(zip(table.pop("label").tolist(), range(len(table["area"])), strict=True))
    rows = [at.get(found.index + 1) for found in objects]
    columns: dict[str, list[Any]] = {
        "image": [piece.name(row)] * len(objects),
        "label": [found.index + 1 for found in objects],
        "presence": [round(found.presence, 6) for found in objects],
    }
    for name, values in table.items():
        nothing = 0 if name.startswith("area") else None
        columns[name] = [nothing if at is None else _plain(values[at]) for at in rows]
    return columns


def write_measurements(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the table of `measurements` of all images as CSV: UTF-8, commas, a header.

    Raises:
        AttendError: there are no masks, some images are grey and others in colour, or the file cannot be written.
    """
    header: list[str] = []
    with atomic_file(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        for piece in results.pieces():
            for row in range(len(piece.scenes)):
                table = measurements(piece, row)
                if not header:
                    header = list(table)
                    writer.writerow(header)
                if list(table) != header:
                    raise AttendError(f"{path}: {piece.name(row)} has other channels than the images before it")
                writer.writerows(zip(*table.values(), strict=True))


def _plain(value: np.generic) -> int | float:
    number = value.item()
    return number if isinstance(number, int) else round(float(number), 6)


exports.register("measurements")(
    Export(write_measurements, suffix=".csv", pixels=True, masks=True, told_by_suffix=False)
)
