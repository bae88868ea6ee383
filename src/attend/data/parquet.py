"""Images in the rows of Parquet files, as Hugging Face's data sets are published."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from attend.errors import AttendError

SUFFIX = ".parquet"

MOST_BYTES = 2**29
"""Of the images in one row group, which is read as a whole."""

KEPT_BYTES = 2**26
"""Of the row groups that are kept in case that another of their rows is asked for; of the last two at least."""


def is_known(path: str | Path) -> bool:
    """Whether a file is of Parquet, by its name."""
    return str(path).lower().endswith(SUFFIX)


class Rows:
    """The image files in the rows of Parquet files, one after another, from the first column of images.

    A row group is read as a whole when one of its rows is asked for, and kept until others have been read. Threads may
    read at the same time.

    Attributes:
        lengths: rows in each row group.
        group_bytes: what a row group takes in memory, on average.

    Raises:
        AttendError: the package `pyarrow` is missing, a file is damaged or has no images, or its row groups are too
            large.
    """

    def __init__(self, paths: Sequence[str]):
        self._groups: list[tuple[str, int, int]] = []
        """File, row group in it, and the number of its first row."""
        lengths: list[int] = []
        sizes: list[int] = []
        self._columns: dict[str, str] = {}
        for path in paths:
            file, self._columns[path] = _opened(path)
            first = 0
            for group in range(file.num_row_groups):
                about = file.metadata.row_group(group)
                if not about.num_rows:
                    continue
                size = _bytes_of(about, self._columns[path])
                if size > MOST_BYTES:
                    raise AttendError(
                        f"{path}: row group {group} holds {size / 1e6:,.0f} MB of images; it must not be over "
                        f"{MOST_BYTES / 1e6:,.0f} MB: write it with fewer rows in each, such as row_group_size=1000"
                    )
                self._groups.append((path, group, first))
                lengths.append(about.num_rows)
                sizes.append(size)
                first += about.num_rows
        self.lengths: Int64[np.ndarray, " groups"] = np.array(lengths, np.int64)
        self.group_bytes = max(1, sum(sizes) // max(1, len(sizes)))
        self._ends = np.cumsum(self.lengths)
        self._most = max(2, KEPT_BYTES // self.group_bytes)
        self._kept: OrderedDict[int, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many rows there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def place(self, index: int) -> str:
        """Where a row is."""
        group, row = self._found(index)
        path, _, first = self._groups[group]
        return f"{path}: row {first + row}"

    def reader(self, index: int) -> Callable[[], bytes]:
        """A function that reads the image file in a row, undecoded; it raises AttendError if it cannot."""
        return lambda: self._read(index)

    def _found(self, index: int) -> tuple[int, int]:
        group = int(np.searchsorted(self._ends, index, side="right"))
        return group, index - int(self._ends[group] - self.lengths[group])

    def _read(self, index: int) -> bytes:
        group, row = self._found(index)
        value = self._group(group)[row].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not content:
            raise AttendError("holds no image")
        return content

    def _group(self, group: int) -> Any:
        """The images of a row group; of threads that ask for it at once, one reads it."""
        with self._lock:
            future = self._kept.get(group)
            mine = future is None
            if future is None:
                future = self._kept[group] = Future()
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(group)
        if mine:
            try:
                path, number, _ = self._groups[group]
                file, column = _opened(path)
                future.set_result(file.read_row_group(number, columns=[column], use_threads=False).column(0))
            except Exception as error:  # of damaged files
                future.set_exception(AttendError(f"cannot be read ({error})"))
        return future.result()


def _opened(path: str) -> tuple[Any, str]:
    """The file and the name of its column of images."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise AttendError(f"{path}: is of Parquet, which needs: pip install 'attend[stream]'") from error
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except Exception as error:  # of damaged files
        raise AttendError(f"{path}: cannot be read as Parquet ({error})") from error
    types = {field.name: field.type for field in file.schema_arrow}
    structs = [
        name
        for name, kind in types.items()
        if pyarrow.types.is_struct(kind) and any(part.name == "bytes" for part in kind)
    ]
    plain = [
        name for name, kind in types.items() if pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)
    ]
    if not structs and not plain:
        raise AttendError(
            f"{path}: has the columns {', '.join(types)}; one must hold image files, as bytes or as the type Image of "
            "Hugging Face"
        )
    return file, [*structs, *plain][0]


def _bytes_of(group: Any, column: str) -> int:
    """What the images of a row group take, undecoded."""
    columns = [group.column(number) for number in range(group.num_columns)]
    return sum(
        one.total_uncompressed_size for one in columns if one.path_in_schema.split(".")[0] == column.split(".")[0]
    )
