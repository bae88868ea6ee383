"""The tables of a part of the images on disk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attend.errors import AttendError
from attend.exports import Results, arrow_table, counts
from attend.exports.counts import COLUMNS
from attend.files import atomic_file

if TYPE_CHECKING:
    import pyarrow as pa

PARTS = ("images", "objects")
"""The folders of the tables, each with a file for each part."""

COUNTS = COLUMNS[:-1]
"""What the table of images says of those that can be read; the size of a pixel, and with it the last, is not known."""


class Unreadable(NamedTuple):
    """A file that cannot be read: its name, and the line that says why."""

    name: str
    line: str


@dataclass(frozen=True)
class Contents:
    """What is in the tables of a part.

    Attributes:
        images: that were looked at.
        objects: in them.
        listed: objects that have a row.
        lines: a line for each file that cannot be read.
    """

    images: int
    objects: int
    listed: int
    lines: list[str]


def part_file(folder: Path, table: str, number: int) -> Path:
    """Where a table of a part is, or will be."""
    return folder / table / f"part-{number:06}.parquet"


def write_part(folder: Path, number: int, pieces: Iterable[tuple[Results | None, Sequence[Unreadable]]]) -> Contents:
    """Write the tables of a part: a row for each object, and last, since that says it is done, one for each image.

    Where no image can be read there is no table of objects, since nobody knows its columns.

    Args:
        folder: holds those of all parts.
        number: of the part.
        pieces: what was found, and the files that could not be read.

    Raises:
        AttendError: they cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    objects: list[pa.Table] = []
    images: list[pa.Table] = []
    for found, unreadable in pieces:
        if found is not None:
            objects.append(arrow_table(found))
            images.append(_images([(*values[: len(COUNTS)], None) for values in counts(found)]))
        if unreadable:
            images.append(_images([(name, *[None] * (len(COUNTS) - 1), line) for name, line in unreadable]))
    for table, rows in (("objects", objects), ("images", images)):
        if rows:
            with atomic_file(part_file(folder, table, number)) as file:
                parquet.write_table(pa.concat_tables(rows).combine_chunks(), file)
    return _contents(pa.concat_tables(images))


def read_part(folder: Path, number: int) -> Contents | None:
    """What is in the tables of a part, if they are there.

    Raises:
        AttendError: they are damaged.
    """
    path = part_file(folder, "images", number)
    if not path.exists():
        return None
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return _contents(parquet.ParquetFile(path).read(["count", "listed", "error"]))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise AttendError(f"{path}: is damaged ({error}); delete it to have it made anew") from error


def _images(rows: Sequence[tuple[Any, ...]]) -> "pa.Table":
    import pyarrow as pa

    kinds = dict.fromkeys((*COUNTS, "error"), pa.int64())
    kinds |= {"image": pa.string(), "error": pa.string()}
    kinds |= {"expected_count": pa.float64(), "density_per_megapixel": pa.float64()}
    return pa.table(
        {name: pa.array(values, kinds[name]) for name, values in zip(kinds, zip(*rows, strict=True), strict=True)}
    )


def _contents(images: "pa.Table") -> Contents:
    found, listed, lines = (images[name].drop_null().to_pylist() for name in ("count", "listed", "error"))
    return Contents(len(found), sum(found), sum(listed), lines)
