"""Images in the rows of Parquet files, as Hugging Face and data lakes keep them."""

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
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
    """Whether a path is that of a Parquet file, by its name, and not hidden."""
    return str(path).lower().endswith(SUFFIX) and not Path(path).name.startswith(".")


class Rows:
    """The image files in the rows of Parquet files, one after another, from the first column of images.

    That is one of structures with `bytes` and perhaps `path`, as Hugging Face writes them, or else one of bytes. A row
    group is read as a whole when one of its rows is asked for, and kept until others have been read. Threads may read
    at the same time. The rows can be sent to another process, but for what has been read of them.

    Attributes:
        lengths: rows in each row group.
        group_bytes: what a row group takes in memory, on average.

    Raises:
        AttendError: the package `pyarrow` is missing, a file is damaged or has no images, or its row groups are too
            large.
    """

    def __init__(self, paths: Sequence[str]):
        self._paths = list(map(os.path.abspath, paths))
        self._groups: list[tuple[int, int, int]] = []
        """The number of a file, that of a row group in it, and that of its first row."""
        lengths: list[int] = []
        sizes: list[int] = []
        for number, path in enumerate(paths):
            file, column = _opened(path)
            first = 0
            for group in range(file.num_row_groups):
                about = file.metadata.row_group(group)
                if not about.num_rows:
                    continue
                size = _bytes_of(about, column)
                if size > MOST_BYTES:
                    raise AttendError(
                        f"{path}: row group {group} holds {size / 1e6:,.0f} MB of images; it must not be over "
                        f"{MOST_BYTES / 1e6:,.0f} MB: write it with fewer rows in each, such as row_group_size=1000"
                    )
                self._groups.append((number, group, first))
                lengths.append(about.num_rows)
                sizes.append(size)
                first += about.num_rows
        self.lengths: Int64[np.ndarray, " groups"] = np.array(lengths, np.int64)
        self.group_bytes = max(1, sum(sizes) // max(1, len(sizes)))
        self._ends = np.cumsum(self.lengths)
        self._most = max(2, KEPT_BYTES // self.group_bytes)
        self._begin()

    def _begin(self) -> None:
        self._kept: OrderedDict[int, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """All but what has been read."""
        return {name: value for name, value in vars(self).items() if name not in ("_kept", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In another process, which has read nothing yet."""
        vars(self).update(state)
        self._begin()

    def __len__(self) -> int:
        """How many rows there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def place(self, index: int) -> tuple[int, int]:
        """The number of a row's file, and which of that file it is."""
        group, row = self._found(index)
        file, _, first = self._groups[group]
        return file, first + row

    def read(self, index: int) -> bytes:
        """The image file in a row, undecoded.

        Raises:
            AttendError: it cannot be read, or there is none.
        """
        group, row = self._found(index)
        value = self._group(group)[row].as_py()
        if isinstance(value, dict):
            value = value["bytes"] or _content(value.get("path"))
        if not value:
            raise AttendError("holds no image")
        return value

    def _found(self, index: int) -> tuple[int, int]:
        group = int(np.searchsorted(self._ends, index, side="right"))
        return group, index - int(self._ends[group] - self.lengths[group])

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
                file, column = _opened(self._paths[path])
                future.set_result(file.read_row_group(number, columns=[column], use_threads=False).column(0))
            except Exception as error:  # of damaged files
                future.set_exception(AttendError(f"cannot be read ({error})"))
        return future.result()


def _content(path: str | None) -> bytes:
    """What is in a file that a row names."""
    try:
        return Path(path).read_bytes() if path else b""
    except OSError as error:
        raise AttendError(f"names {path}, which cannot be read ({error.strerror or error})") from error


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
