"""Read and write `.npz` files: whole, without pickle, atomically."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from attend.errors import AttendError


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file by name.

    Raises:
        AttendError: the file is missing, is not an `.npz`, is truncated, or holds pickled objects.
    """
    if not Path(path).is_file():
        raise AttendError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise AttendError(
            f"{path}: not an .npz file, or a truncated one; write it with numpy.savez or attend data"
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    # What zipfile, zlib and numpy raise on a damaged member, an unknown compression, or an object array.
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise AttendError(
            f"{path}: cannot be read as plain arrays ({error}); it must be an intact .npz"
        ) from error


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` compressed to `path`, whole or not at all.

    Raises:
        AttendError: `path` does not end in `.npz`, or its folder cannot be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise AttendError(f"{path}: the name of a scenes file must end in .npz")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
        os.replace(temporary, path)
    except OSError as error:
        raise AttendError(
            f"{path}: cannot be written ({error.strerror}); choose a folder that exists"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
