"""The paths of very many image files in one file, which any number of processes share without reading it whole."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from attend.data.entries import Entries, Entry
from attend.files import atomic_file

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 2**16
"""Files in a batch of the listing, which is what is in memory at once."""


def write_listing(entries: Entries, path: Path) -> None:
    """Write where image files are, as an Arrow file with `name`, `place` and `path`; it needs pyarrow.

    Raises:
        AttendError: it cannot be written.
    """
    import pyarrow as pa

    schema = pa.schema({"name": pa.string(), "place": pa.string(), "path": pa.binary()})
    with atomic_file(path) as file, pa.ipc.new_file(file, schema) as writer:
        for start in range(0, len(entries), ROWS):
            some = [entries[i] for i in range(start, min(start + ROWS, len(entries)))]
            columns = [
                [entry.name for entry in some],
                [entry.place for entry in some],
                [os.fsencode(os.path.abspath(str(entry.content))) for entry in some],
            ]
            writer.write_batch(
                pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
            )


def read_listing(path: Path, n: int) -> Entries:
    """The `n` image files of a listing, which is opened when the first of them is asked for, in whatever process."""

    return Entries(n, _Row(path), [str(path), str(n)])


@dataclass(frozen=True)
class _Row:
    """What finds an image file by its number; it can be sent to another process."""

    path: Path

    def __call__(self, index: int) -> Entry:
        number, row = divmod(index, ROWS)
        name, place, where = (column[row].as_py() for column in _batch(self.path, number).columns)
        return Entry(name, place, Path(os.fsdecode(where)))


@lru_cache(maxsize=1)
def _batch(path: Path, number: int) -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(number)
