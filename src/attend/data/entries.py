"""The image files that a source names: one, those of a folder, a pattern, a list, an archive, or rows of a data set."""

import glob
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from attend.data import archives, bioformats, huggingface, parquet
from attend.data.decode import SUFFIXES
from attend.data.names import Names
from attend.errors import AttendError


class Entry(NamedTuple):
    """One image file: a name that tells it from the others, where it is, and its path or what it holds.

    What it holds may be a function that reads it, in whatever thread; it raises AttendError if it cannot.
    """

    name: str
    place: str
    content: Path | bytes | Callable[[], bytes]


def is_there(source: str) -> bool:
    """Whether `source` is an existing path, or a pattern of paths."""
    return Path(source).exists() or glob.has_magic(source)


class Entries(Sequence[Entry]):
    """Image files, each looked up when it is asked for, since there may be very many.

    Attributes:
        listing: a digest that tells these files, by their paths, from others.
        together: how many files, one after another, are read at once when one of them is asked for; None if each is
            read by itself.
        together_bytes: what so many take in memory, on average.
        in_rows: whether they are rows of a few files, found by their number in whatever process.
    """

    def __init__(
        self,
        n: int,
        at: Callable[[int], Entry],
        listing: Iterable[str],
        together: Int64[np.ndarray, " parts"] | None = None,
        together_bytes: int = 0,
        in_rows: bool = False,
    ):
        digest = hashlib.sha256()
        for number, path in enumerate(listing):
            digest.update(("\0" * bool(number) + path).encode("utf-8", "surrogateescape"))
        self.listing = digest.hexdigest()
        self.together, self.together_bytes = together, together_bytes
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
        stop, at, together = min(stop, self._n), self._at, self.together
        if together is not None:
            together = np.diff(np.cumsum(together).clip(start, stop), prepend=start)
            together = together[together > 0]
        about = (self.listing, str(start), str(stop))
        return Entries(stop - start, lambda i: at(start + i), about, together, self.together_bytes, self.in_rows)


def entries(source: str, split: str) -> Entries:
    """The image files that a source names, in order of their paths.

    Names are paths below the folder, or below the nearest folder that holds all files of a pattern or a list.

    Args:
        source: an image, which as OME-Zarr is a folder itself; a folder, of which the hidden files and all that are
            no image by their suffix are left alone, at any depth; a pattern with `*`, `?` or `[...]`, and with `**` for
            folders at any depth; a `.txt` file with the path of an image in each line, from the folder of that file,
            where empty lines and those from `#` on are left alone; an archive (`.zip`, or `.tar` without compression);
            a Parquet file with a column of images, or a folder, a pattern or a list of several and of no image; or the
            folder of a Hugging Face data set saved by `save_to_disk`.
        split: of a Hugging Face data set with several; in a folder of Parquet files these begin with its name.

    Raises:
        AttendError: there is no image file, or the source cannot be read.
    """
    path = Path(source)
    if not is_there(source):
        raise AttendError(f"{source}: no such file or folder")
    if huggingface.is_saved(path):
        n, content = huggingface.images(path, split)
        return Entries(n, _SavedRow(source, content), (source, split, str(n)), in_rows=True)
    folder = path.is_dir() and not bioformats.is_known(path)
    if archives.is_known(path) and path.is_file():
        return _of_archive(path)
    if shards := _shards(source, split, folder):
        return _of_parquet(shards, source if folder else _common_folder(shards))
    if folder:
        paths, root = Names(_in_folder(source)), source
    elif path.suffix == ".txt":
        paths = _listed(path)
        root = _common_folder(paths)
    elif path.exists():
        paths, root = [source], os.path.dirname(source) or os.curdir
    else:
        found = glob.iglob(source, recursive=True)
        paths = sorted((p for p in found if _is_image(os.path.basename(p)) and _is_one(p)), key=_in_order)
        root = _common_folder(paths)
    if not paths:
        raise AttendError(f"{source}: holds no image; there must be at least one of {', '.join(SUFFIXES)}")

    below = len(os.path.join(source, "")) if folder else None

    def at(index: int) -> Entry:
        path = paths[index]
        name = _name(path, root) if below is None else _text(path[below:].replace(os.sep, "/"))
        return Entry(name, _text(path), Path(path))

    return Entries(len(paths), at, paths)


def _name(path: str, root: str) -> str:
    """The path below a folder, as text; it takes long."""
    return _text(os.path.relpath(path, root).replace(os.sep, "/"))


def _text(path: str) -> str:
    """A path as text that can be written: bytes in it that are no UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_image(name: str) -> bool:
    return (name.lower().endswith(SUFFIXES) or bioformats.is_known(name)) and not name.startswith(".")


def _is_one(path: str) -> bool:
    """Whether it is a file, or a folder that is one picture (OME-Zarr)."""
    return os.path.isfile(path) or (os.path.isdir(path) and bioformats.is_known(path))


def _of_archive(path: Path) -> Entries:
    names, read = archives.members(path, _is_visible_image, _in_order)
    if not names:
        raise AttendError(f"{path}: holds no image; there must be at least one of {', '.join(SUFFIXES)}")

    def at(index: int) -> Entry:
        name = _text(names[index])
        return Entry(name, f"{path}: {name}", partial(read, index))

    return Entries(len(names), at, names)


def _is_visible_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not any(part.startswith(".") for part in name.split("/"))


def _shards(source: str, split: str, folder: bool) -> list[str]:
    """The Parquet files that a source names: itself, or those of a list, or of a folder or pattern without images."""
    if source.endswith(".txt") and not folder:
        paths = _listed(Path(source))
        return paths if paths and all(map(parquet.is_known, paths)) else []
    if not folder and not glob.has_magic(source):
        return [source] if parquet.is_known(source) else []
    if folder and next(_in_folder(source), None) is not None:
        return []
    found = glob.iglob(os.path.join(glob.escape(source), "**", "*") if folder else source, recursive=True)
    shards = sorted((path for path in found if parquet.is_known(path)), key=_in_order)
    splits = {name: [path for path in shards if _begins(path, names)] for name, names in huggingface.NAMES.items()}
    return (splits[split] if any(splits.values()) else shards) if folder else shards


def _begins(path: str, names: Iterable[str]) -> bool:
    return os.path.basename(path).lower().startswith(tuple(names))


def _of_parquet(shards: Sequence[str], root: str) -> Entries:
    rows = parquet.Rows(shards)
    if not len(rows):
        raise AttendError(f"{shards[0]}: holds no image; it must have at least one row")
    at = _Row(rows, [_name(path, root) for path in shards], list(map(_text, shards)))
    return Entries(len(rows), at, (*shards, str(len(rows))), rows.lengths, rows.group_bytes, in_rows=True)


@dataclass(frozen=True)
class _Row:
    """What finds a row of Parquet files by its number; it can be sent to another process."""

    rows: parquet.Rows
    names: list[str]
    places: list[str]

    def __call__(self, index: int) -> Entry:
        file, row = self.rows.place(index)
        return Entry(f"{self.names[file]}/{row:06}", f"{self.places[file]}: row {row}", partial(self.rows.read, index))


@dataclass(frozen=True)
class _SavedRow:
    """The same for a saved Hugging Face data set."""

    source: str
    content: Callable[[int], Path | bytes]

    def __call__(self, row: int) -> Entry:
        return Entry(f"{row:06}", f"{self.source}: row {row}", self.content(row))


def _in_folder(folder: str) -> Iterator[str]:
    """Its images and those of the folders in it, without the hidden ones, in order of their paths."""
    try:
        with os.scandir(folder) as found:
            inside = [(one.name, one.is_dir(), one.is_symlink()) for one in found if not one.name.startswith(".")]
    except OSError:  # of a folder that may not be read
        return
    for name, is_folder, is_link in sorted(inside, key=lambda one: one[0] + "\0" * one[1]):
        path = os.path.join(folder, name)
        if not is_folder or bioformats.is_known(name):
            if _is_image(name):
                yield path
        elif not is_link:  # for they may lead in a circle
            yield from _in_folder(path)


def _in_order(path: str) -> str:
    """What sorts paths folder by folder, as `Path` sorts."""
    return path.replace(os.sep, "\0")


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
