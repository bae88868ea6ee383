"""Images in the rows of Parquet files, as Hugging Face and data lakes keep them."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from attend.errors import AttendError

if TYPE_CHECKING:
    import pyarrow as pa


def is_named(path: str) -> bool:
    """Whether a path is that of a Parquet file, by its name, and not hidden."""
    return path.lower().endswith(".parquet") and not Path(path).name.startswith(".")


class Rows:
    """The rows of some Parquet files, one file after another, a group of rows of one file in memory at a time.

    The first column of images has them: of the bytes of image files, or of structures with `bytes` and perhaps `path`,
    as Hugging Face writes them. Only where each group of rows begins is kept, so that the rows can be taken to another
    process.
    """

    def __init__(self, paths: Sequence[str]):
        """Look at the end of each file, which says how many rows it has.

        Raises:
            AttendError: pyarrow is missing, a file cannot be read, or has no such column.
        """
        self._paths, self._columns = list(map(os.path.abspath, paths)), list[str]()
        self._starts, self._groups = [0], list[tuple[int, int]]()
        self._first = list[int]()  # row of each file
        for file, path in enumerate(paths):
            column, sizes = _about(path)
            self._columns.append(column)
            self._first.append(self._starts[-1])
            for group, size in enumerate(sizes):
                self._groups.append((file, group))
                self._starts.append(self._starts[-1] + size)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._starts[-1]

    def place(self, index: int) -> tuple[int, int]:
        """The number of a row's file, and which of that file it is."""
        file, _ = self._groups[bisect_right(self._starts, index) - 1]
        return file, index - self._first[file]

    def content(self, index: int) -> Path | bytes:
        """The image file in a row, undecoded; empty where there is none.

        Raises:
            AttendError: the row cannot be read.
        """
        number = bisect_right(self._starts, index) - 1
        file, group = self._groups[number]
        value = _group(self._paths[file], group, self._columns[file])[index - self._starts[number]].as_py()
        if isinstance(value, dict):
            return value["bytes"] or (Path(value["path"]) if value.get("path") else b"")
        return value or b""


def _about(path: str) -> tuple[str, list[int]]:
    """The name of the first column of images, and how many rows each group has."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise AttendError(f"{path}: is Parquet, which needs: pip install 'attend[export]'") from error
    try:
        with parquet.ParquetFile(path) as file:
            schema, metadata = file.schema_arrow, file.metadata
            sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    except (OSError, pa.ArrowException) as error:
        raise AttendError(f"{path}: cannot be read as Parquet ({error})") from error
    for field in schema:
        if _is_bytes(field.type) or (
            pa.types.is_struct(field.type) and any(part.name == "bytes" and _is_bytes(part.type) for part in field.type)
        ):
            return field.name, sizes
    raise AttendError(
        f"{path}: has the columns {', '.join(schema.names)}; one must hold image files, as binary or as "
        "a struct with bytes"
    )


def _is_bytes(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


@lru_cache(maxsize=1)
def _group(path: str, group: int, column: str) -> "pa.ChunkedArray":
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            return file.read_row_group(group, columns=[column])[column]
    except (OSError, pa.ArrowException) as error:
        raise AttendError(f"{path}: cannot be read as Parquet ({error})") from error
