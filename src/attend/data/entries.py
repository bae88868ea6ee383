"""The image files that a source names: one, those of a folder, of a pattern, of a list, or a Hugging Face data set."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from attend.data import huggingface
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


def entries(source: str, split: str) -> Iterator[Entry]:
    """The image files that a source names, in order of their paths.

    Names are paths below the folder, or below the nearest folder that holds all files of a pattern or a list.

    Args:
        source: an image; a folder, of which the hidden files and all that are no image by their suffix are left
            alone, at any depth; a pattern with `*`, `?` or `[...]`, and with `**` for folders at any depth; a `.txt`
            file with the path of an image in each line, from the folder of that file, where empty lines and those
            from `#` on are left alone; or the folder of a Hugging Face data set saved by `save_to_disk`.
        split: of a Hugging Face data set with several.

    Raises:
        AttendError: there is no image file, or the source cannot be read.
    """
    path = Path(source)
    if not is_there(source):
        raise AttendError(f"{source}: no such file or folder")
    if huggingface.is_saved(path):
        for row, content in huggingface.images(path, split):
            yield Entry(f"{row:06}", f"{source}: row {row}", content)
        return
    if path.is_dir():
        paths, root = _in_folder(path), path
    elif path.suffix == ".txt":
        paths = _listed(path)
        root = _common_folder(paths)
    elif path.exists():
        paths, root = [path], path.parent
    else:
        found = (Path(name) for name in glob.iglob(source, recursive=True))
        paths = sorted(p for p in found if _is_image(p) and p.is_file())
        root = _common_folder(paths)
    if not paths:
        raise AttendError(f"{source}: holds no image; there must be at least one of {', '.join(SUFFIXES)}")
    for path in paths:
        yield Entry(Path(os.path.relpath(path, root)).as_posix(), str(path), path)


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _in_folder(folder: Path) -> list[Path]:
    """Its images and those of the folders in it, without the hidden ones."""
    paths = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(here) / name for name in files if _is_image(Path(name))]
    return sorted(paths)


def _listed(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AttendError(f"{path}: cannot be read as a list of paths ({error})") from error
    lines = [line.strip() for line in lines]
    return [path.parent / Path(line).expanduser() for line in lines if line and not line.startswith("#")]


def _common_folder(paths: Iterable[Path]) -> Path:
    folders = [os.path.abspath(path.parent) for path in paths]
    try:
        return Path(os.path.commonpath(folders)) if folders else Path()
    except ValueError:  # on different drives
        return Path(os.path.abspath(os.sep))
