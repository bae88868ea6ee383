"""Results as a table with a row for each object: as CSV, and as Parquet."""

import csv
import io
import os
from typing import Any

import numpy as np

from attend.exports.export import Export, exports
from attend.exports.results import Results, rounded
from attend.files import atomic_file


def columns(results: Results) -> dict[str, list[Any]]:
    """The columns of the table by name.

    `image` (its name), `index` (which object of the image, from 1), `presence` (the probability that it exists),
    `x0`, `y0`, `width`, `height` (its box, in pixels of the picture in the file), `what_0`, `what_1`, ... (its
    appearance code) and, if objects were grouped, `cluster` (from 0).
    """
    objects = [found for row in range(len(results.scenes)) for found in results.objects(row)]
    boxes = np.array([found.box for found in objects]).reshape(-1, 4)
    what = np.array([found.what for found in objects]).reshape(-1, results.scenes.what.shape[2])
    table: dict[str, list[Any]] = {
        "image": [results.name(found.row) for found in objects],
        "index": [found.index + 1 for found in objects],
        "presence": rounded(np.array([found.presence for found in objects])),
    }
    table |= {name: rounded(boxes[:, i]) for i, name in enumerate(("x0", "y0", "width", "height"))}
    table |= {f"what_{i}": rounded(what[:, i]) for i in range(what.shape[1])}
    if results.clusters is not None:
        table["cluster"] = [found.cluster for found in objects]
    return table


def write_csv(results: Results, path: str | os.PathLike) -> None:
    """Write the table as CSV: UTF-8, commas, a header."""
    table = columns(results)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())


def write_parquet(results: Results, path: str | os.PathLike) -> None:
    """Write the table as Parquet, numbers in double precision; it needs pyarrow."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"image": pa.string(), "index": pa.int64(), "cluster": pa.int64()}
    arrays = {name: pa.array(values, kinds.get(name, pa.float64())) for name, values in columns(results).items()}
    with atomic_file(path) as file:
        parquet.write_table(pa.table(arrays), file)


exports.register("csv")(Export(write_csv, suffix=".csv"))
exports.register("parquet")(Export(write_parquet, suffix=".parquet", needs="pyarrow"))
