"""Files and folders that are written whole or not at all, and `.npz` archives that are never unpickled."""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from attend.errors import AttendError


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears at `path`, whole, only when the block ends without an error.

    Missing parent folders are made.

    Raises:
        AttendError: the file cannot be written.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            yield file
        os.replace(temporary, path)
    except OSError as error:
        raise AttendError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _temporary(path: Path) -> Path:
    """Beside `path`, a name that no process on any machine has: a process number is not the only one of its kind."""
    return path.with_name(f".{path.name}.{secrets.randbits(48)}.tmp")


@contextlib.contextmanager
def locked(file: IO[Any], busy: str) -> Iterator[None]:
    """Keep other processes out of a block by a lock on an open file.

    The system takes the lock back when the process dies, however that happens.

    Raises:
        AttendError: another process is in the block; the line is `busy`.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AttendError(busy) from error
    except OSError:  # some network file systems know no locks
        pass
    yield


def leftovers(folder: Path) -> list[Path]:
    """Files that processes which were killed had begun to write in a folder that is there; nobody else may write in it.

    They are those that `atomic_file` and `atomic_folder` would have renamed.
    """
    return [path for path in folder.iterdir() if re.fullmatch(r"\..+\.\d+\.tmp", path.name)]


def check_new_folder(path: str | os.PathLike[str]) -> None:
    """Raise AttendError when there is something at `path` already; an empty folder will do."""
    path = Path(path)
    if path.is_dir() and any(path.iterdir()):
        raise AttendError(f"{path}: is not empty; choose a new or an empty folder")
    if path.exists() and not path.is_dir():
        raise AttendError(f"{path}: is a file; it must be a new or an empty folder")


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a folder that appears at `path`, whole, only when the block ends without an error.

    The block writes into the folder that it is given. Missing parent folders are made.

    Raises:
        AttendError: there is something at `path` already, or the folder cannot be written.
    """
    path = Path(os.path.abspath(path))
    temporary = _temporary(path)
    check_new_folder(path)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        with contextlib.suppress(FileNotFoundError):
            path.rmdir()
        os.replace(temporary, path)
    except OSError as error:
        raise AttendError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def digest(about: str, arrays: Iterable[Any]) -> str:
    """A text of 64 letters that tells these arrays, and what else there is to say of them, from all others."""
    found = hashlib.sha256(about.encode())
    for array in arrays:
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()


def read_npz(path: str | os.PathLike[str], names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file by name, or those of these names that it has, without reading the others.

    Raises:
        AttendError: the file is missing, is not an `.npz`, is truncated, or holds pickled objects.
    """
    if not Path(path).is_file():
        raise AttendError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise AttendError(f"{path}: not an .npz file, or a truncated one; write it with numpy.savez")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if names is None or name in names}
    # zipfile and numpy raise anything at all on a damaged member, an absurd size, or an object array.
    except Exception as error:
        raise AttendError(f"{path}: cannot be read as plain arrays ({error}); it must be an intact .npz") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # numpy hands out as bytes what is no array
            raise AttendError(f"{path}: {name} is no array; an .npz file holds arrays only")
    return arrays


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` compressed to `path`, whole or not at all.

    Raises:
        AttendError: `path` does not end in `.npz`, or cannot be written.
    """
    if Path(path).suffix != ".npz":
        raise AttendError(f"{path}: the name of an archive of arrays must end in .npz")
    with atomic_file(path) as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
