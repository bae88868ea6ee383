"""The image files that a source names: one, those of a folder, of a pattern, of a list, or rows of a data set."""

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from attend.data import bioformats, huggingface, parquet
from attend.data.decode import SUFFIXES
from attend.errors import AttendError


class Entry(NamedTuple):
    """One image file: a name that tells it from the others, where it is, and its path or what it holds."""

    name: str
    place: str
    content: Path | bytes


def is_there(source: str) -> bool:
    """Whether `source` is an existing path, or a pattern of paths."""
    return Path(source).exists() or glob.has_magic(source)


class Entries(Sequence[Entry]):
    """Image files, each looked up when it is asked for, since there may be very many.

    Attributes:
        listing: a digest that tells these files, by their paths, from others.
        in_rows: whether they are rows of a few files, found by their number, rather than files whose paths are known.
    """

    def __init__(self, n: int, at: Callable[[int], Entry], listing: Iterable[str], *, in_rows: bool = False):
        self.listing = hashlib.sha256("\0".join(listing).encode("utf-8", "surrogateescape")).hexdigest()
        self.in_rows = in_rows
        self._n, self._at = n, at

    def __len__(self) -> int:
        """How many there are."""
        return self._n

    def __getitem__(self, index: int) -> Entry:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One of them."""
        if not 0 <= index < self._n:
            raise IndexError(index)
        return self._at(index)

    def part(self, start: int, stop: int) -> "Entries":
        """Those from `start` to before `stop`, or to the last."""
        at = self._at
        return Entries(min(stop, self._n) - start, lambda i: at(start + i), (self.listing, str(start)))


def entries(source: str, split: str) -> Entries:
    """The image files that a source names, in order of their paths.

    Names are paths below the folder, or below the nearest folder that holds all files of a pattern or a list.

    Args:
        source: an image, which as OME-Zarr is a folder itself; a folder, of which the hidden files and all that are
            no image by their suffix are left alone, at any depth; a pattern with `*`, `?` or `[...]`, and with `**` for
            folders at any depth; a `.txt` file with the path of an image in each line, from the folder of that file,
            where empty lines and those from `#` on are left alone; the folder of a Hugging Face data set saved by
            `save_to_disk`; or Parquet with a column of image files: a file, a folder without images of its own, a
            pattern, or a list.
        split: of a Hugging Face data set with several.

    Raises:
        AttendError: there is no image file, or the source cannot be read.
    """
    path = Path(source)
    if not is_there(source):
        raise AttendError(f"{source}: no such file or folder")
    if huggingface.is_saved(path):
        n, content = huggingface.images(path, split)
        about = (source, split, str(n))
        return Entries(n, _SavedRow(source, content), about, in_rows=True)
    folder = path.is_dir() and not bioformats.is_known(path)
    if folder:
        paths, root = _in_folder(source, _is_image) or _in_folder(source, parquet.is_named), source
    elif path.suffix == ".txt":
        paths = _listed(path)
        root = _common_folder(paths)
    elif path.exists():
        paths, root = [source], os.path.dirname(source) or os.curdir
    else:
        found = [path for path in glob.iglob(source, recursive=True) if _is_one(path)]
        images = [path for path in found if _is_image(os.path.basename(path))]
        paths = _in_order(images or [path for path in found if parquet.is_named(os.path.basename(path))])
        root = _common_folder(paths)
    if not paths:
        raise AttendError(f"{source}: holds no image; there must be at least one of {', '.join(SUFFIXES)}")

    below = len(os.path.join(source, "")) if folder else None

    def name(path: str) -> str:
        name = path[below:] if below else os.path.relpath(path, root)  # the latter takes long
        return _text(name.replace(os.sep, "/"))

    if all(map(parquet.is_named, paths)):
        return _in_rows(paths, [name(path) for path in paths])
    return Entries(len(paths), lambda i: Entry(name(paths[i]), _text(paths[i]), Path(paths[i])), paths)


def _in_rows(paths: list[str], names: list[str]) -> Entries:
    """The rows of Parquet files of these names."""
    rows = parquet.Rows(paths)
    return Entries(len(rows), _Row(rows, names, list(map(_text, paths))), (*paths, str(len(rows))), in_rows=True)


@dataclass(frozen=True)
class _Row:
    """What finds a row of Parquet files by its number; it can be sent to another process."""

    rows: parquet.Rows
    names: list[str]
    places: list[str]

    def __call__(self, index: int) -> Entry:
        file, row = self.rows.place(index)
        return Entry(f"{self.names[file]}/{row:06}", f"{self.places[file]}: row {row}", self.rows.content(index))


@dataclass(frozen=True)
class _SavedRow:
    """The same for a saved Hugging Face data set."""

    source: str
    content: Callable[[int], Path | bytes]

    def __call__(self, row: int) -> Entry:
        return Entry(f"{row:06}", f"{self.source}: row {row}", self.content(row))


def _text(path: str) -> str:
    """A path as text that can be written: bytes in it that are no UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_image(name: str) -> bool:
    return (name.lower().endswith(SUFFIXES) or bioformats.is_known(name)) and not name.startswith(".")


def _is_one(path: str) -> bool:
    """Whether it is a file, or a folder that is one picture (OME-Zarr)."""
    return os.path.isfile(path) or (os.path.isdir(path) and bioformats.is_known(path))


def _in_folder(folder: str, wanted: Callable[[str], bool]) -> list[str]:
    """Its files with wanted names and those of the folders in it, without the hidden ones."""
    paths = []
    for here, folders, files in os.walk(folder):
        paths += [os.path.join(here, name) for name in folders if wanted(name) and bioformats.is_known(name)]
        folders[:] = [name for name in folders if not name.startswith(".") and not bioformats.is_known(name)]
        paths += [os.path.join(here, name) for name in files if wanted(name)]
    return _in_order(paths)


def _in_order(paths: Iterable[str]) -> list[str]:
    """Sorted folder by folder, as `Path` sorts; kept as text, which takes a fraction of the memory."""
    return sorted(paths, key=lambda path: path.replace(os.sep, "\0"))


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AttendError(f"{path}: cannot be read as a list of paths ({error})") from error
    lines = [line.strip() for line in lines]
    return [str(path.parent / Path(line).expanduser()) for line in lines if line and not line.startswith("#")]


def _common_folder(paths: Iterable[str]) -> str:
    folders = {os.path.dirname(os.path.abspath(path)) for path in paths}
    try:
        return os.path.commonpath(folders) if folders else ""
    except ValueError:  # on different drives
        return os.path.abspath(os.sep)
