"""Results as a table with a row for each object: as CSV, and as Parquet."""

import csv
import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, rounded
from attend.files import atomic_file

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 2**16
"""Rows that are written to a Parquet file at once, at least."""


def columns(results: Results) -> dict[str, list[Any]]:
    """The columns of the table by name.

    `image` (its name), `index` (which object of the image, from 1), `presence` (the probability that it exists),
    `x0`, `y0`, `width`, `height` (its box, in pixels of the picture in the file), its `where` (`scale`, `x`, `y`, or on
    a table `x_m`, `y_m`, `yaw_rad`), its `what` (`what_0`, `what_1`, ..., or on a table `is_mug`, ...) and, if objects
    were grouped, `cluster` (from 0).
    """
    objects = [found for row in range(len(results.scenes)) for found in results.objects(row)]
    scenes = results.scenes
    numbers = {
        ("x0", "y0", "width", "height"): [found.box for found in objects],
        scenes.where_names or _numbered("where", scenes.where.shape[2]): [found.where for found in objects],
        scenes.what_names or _numbered("what", scenes.what.shape[2]): [found.what for found in objects],
    }
    table: dict[str, list[Any]] = {
        "image": [results.name(found.row) for found in objects],
        "index": [found.index + 1 for found in objects],
        "presence": rounded(np.array([found.presence for found in objects])),
    }
    for names, values in numbers.items():
        rows = np.array(values).reshape(-1, len(names))
        table |= {name: rounded(rows[:, i]) for i, name in enumerate(names)}
    if results.clusters is not None:
        table["cluster"] = [found.cluster for found in objects]
    return table


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{i}" for i in range(count))


def write_csv(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the table as CSV: UTF-8, commas, a header."""
    with atomic_file(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        for number, piece in enumerate(results.pieces()):
            table = columns(piece)
            if number == 0:
                writer.writerow(table)
            writer.writerows(zip(*table.values(), strict=True))


def write_parquet(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the table as Parquet, numbers in double precision; it needs pyarrow."""
    from pyarrow import parquet

    with atomic_file(path) as file:
        groups = _row_groups(results)
        first = next(groups)
        with parquet.ParquetWriter(file, first.schema) as writer:
            writer.write_table(first)
            for group in groups:
                writer.write_table(group)


def _row_groups(results: AnyResults) -> Iterator["pa.Table"]:
    """The table in parts of at least `ROW_GROUP` rows but for the last one."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for piece in results.pieces():
        if sum(map(len, waiting)) >= ROW_GROUP:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
        waiting.append(arrow_table(piece))
    yield pa.concat_tables(waiting).combine_chunks()


def arrow_table(piece: Results) -> "pa.Table":
    """The table of `columns` as `write_parquet` writes it; it needs pyarrow."""
    import pyarrow as pa

    kinds = {"image": pa.string(), "index": pa.int64(), "cluster": pa.int64()}
    return pa.table({name: pa.array(values, kinds.get(name, pa.float64())) for name, values in columns(piece).items()})


exports.register("csv")(Export(write_csv, suffix=".csv"))
exports.register("parquet")(Export(write_parquet, suffix=".parquet", needs="pyarrow"))
