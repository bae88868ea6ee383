"""Files in an archive that is left as it is: zip, or tar without compression."""

import os
import tarfile
import threading
import weakref
import zipfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from attend.data.names import Names
from attend.errors import AttendError

SUFFIXES = (".zip", ".tar")

COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
"""Archives that can only be read from their beginning."""


def is_known(path: str | Path) -> bool:
    """Whether a file is an archive, by its name."""
    return str(path).lower().endswith((*SUFFIXES, *COMPRESSED))


def members(
    path: Path, wanted: Callable[[str], bool], in_order: Callable[[str], str]
) -> tuple[Sequence[str], Callable[[int], bytes]]:
    """The names of the files in an archive, and a function that reads one; threads may call it at the same time.

    Args:
        path: the archive.
        wanted: whether a file is wanted, by its name.
        in_order: by what names are sorted.

    Raises:
        AttendError: it is damaged, or can only be read from its beginning; the function: the file is damaged.
    """
    if str(path).lower().endswith(COMPRESSED):
        raise AttendError(f"{path}: can only be read from its beginning; unpack it, or pack it as .zip or plain .tar")
    try:
        return (_of_zip if path.suffix.lower() == ".zip" else _of_tar)(path, wanted, in_order)
    except (zipfile.BadZipFile, tarfile.TarError, OSError) as error:
        raise AttendError(f"{path}: cannot be read as an archive ({error})") from error


_KEPT = [("header_offset", "u8"), ("compress_size", "u8"), ("file_size", "u8"), ("CRC", "u4")]
_KEPT += [("compress_type", "u2"), ("flag_bits", "u2")]
"""What is kept of a file in a zip: 32 bytes rather than the 600 that the standard library takes."""


def _of_zip(
    path: Path, wanted: Callable[[str], bool], in_order: Callable[[str], str]
) -> tuple[Sequence[str], Callable[[int], bytes]]:
    archive = zipfile.ZipFile(path)
    files = [file for file in archive.infolist() if not file.is_dir() and wanted(file.filename)]
    files.sort(key=lambda file: in_order(file.filename))
    names = Names(file.filename for file in files)
    kept = np.fromiter((tuple(getattr(file, name) for name, _ in _KEPT) for file in files), _KEPT, len(files))
    archive.filelist.clear()
    archive.NameToInfo.clear()

    def read(index: int) -> bytes:
        file = zipfile.ZipInfo(names[index])
        for (name, _), value in zip(_KEPT, kept[index].tolist(), strict=True):
            setattr(file, name, value)
        try:
            return archive.read(file)
        except Exception as error:  # of damaged files, of those with a password, of unknown compressions
            raise AttendError(f"cannot be read ({error})") from error

    return names, read


def _of_tar(
    path: Path, wanted: Callable[[str], bool], in_order: Callable[[str], str]
) -> tuple[Sequence[str], Callable[[int], bytes]]:
    names, starts, sizes = [], array("q"), array("q")
    for member in _listed(path):
        name = member.name.removeprefix("./")
        if member.isreg() and wanted(name):
            names.append(name)
            starts.append(member.offset_data)
            sizes.append(member.size)
    order = array("q", sorted(range(len(names)), key=lambda index: in_order(names[index])))
    file, lock = open(path, "rb"), threading.Lock()  # noqa: SIM115, closed when no one reads any more

    def read(index: int) -> bytes:
        place = order[index]
        with lock:
            file.seek(starts[place])
            content = file.read(sizes[place])
        if len(content) < sizes[place]:
            raise AttendError("cannot be read (the archive ends before it)")
        return content

    weakref.finalize(read, file.close)
    return Names(names[place] for place in order), read


def _listed(path: Path) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(path, "r:") as archive:
        if not os.path.getsize(path):
            raise AttendError(f"{path}: cannot be read as an archive (it is empty)")
        for member in archive:
            yield member
            archive.members.clear()  # pyright: ignore[reportAttributeAccessIssue] # else all of them are kept
