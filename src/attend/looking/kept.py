"""The folder that keeps what was found while not all is done, so that another process can go on with it."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from attend.errors import AttendError
from attend.exports import Export, StoredResults
from attend.files import atomic_file, locked


def unfinished_folder(out: Path) -> Path:
    """OUT.unfinished, the folder beside a result in which it is made."""
    return out.with_name(f"{out.name}.unfinished")


def check_unfinished(folder: Path, resume: bool) -> None:
    """Raise AttendError if something is kept in `folder` and not to be gone on with, or something else is there."""
    if _header(folder).exists():
        if not resume:
            raise AttendError(
                f"{folder}: keeps what a stopped inference has done; go on with --resume, or delete it to start anew"
            )
    elif folder.exists() and (not folder.is_dir() or any(path.name[0] != "." for path in folder.iterdir())):
        raise AttendError(f"{folder}: is in the way; delete it, or choose another --out")


@contextlib.contextmanager
def keeping(
    folder: Path, about: dict[str, str], *, pixels: bool, masks: bool = False, pixel_size: float | None = None
) -> Iterator[StoredResults]:
    """The results that are kept in `folder`: those that an earlier process has left behind, or none yet.

    The folder is deleted when the block fails and no image is done. A process that is killed leaves it behind at any
    moment so that the next one can go on.

    Args:
        folder: holds what is kept.
        about: by its name, each thing that the results depend on.
        pixels: as of `StoredResults`.
        masks: as of `StoredResults`.
        pixel_size: as of `StoredResults`.

    Raises:
        AttendError: the results there depend on something else, another process is making them, or the folder cannot
            be written.
    """

    def stored() -> StoredResults:
        return StoredResults(folder / "pieces", pixels=pixels, masks=masks, pixel_size=pixel_size)

    with alone_in(folder, about, lambda: stored().totals()[0] > 0):
        yield stored()


@contextlib.contextmanager
def alone_in(folder: Path, about: dict[str, str], worth: Callable[[], bool]) -> Iterator[None]:
    """Begin to keep results in a folder, or go on with those of an earlier process, while no other one does.

    The folder is deleted when the block fails and what it keeps is not worth it.

    Args:
        folder: holds what is kept.
        about: by its name, each thing that the results depend on.
        worth: whether something is done.

    Raises:
        AttendError: as of `keeping`.
    """
    missing = [parent for parent in folder.parents if not parent.exists()]
    if _header(folder).exists():
        _check_same(folder, about)
    else:
        with atomic_file(_header(folder)) as file:
            file.write(json.dumps(about).encode())
    busy = f"{folder}: another process is working in it; let it end, or stop it"
    with _header(folder).open("rb") as file, locked(file, busy):
        try:
            yield
        except BaseException as error:
            if not worth():
                delete(folder)
                for parent in missing:
                    parent.rmdir()
            elif isinstance(error, AttendError | KeyboardInterrupt):
                stop = str(error) or "interrupted"
                raise type(error)(f"{stop}; {folder} keeps what is done, --resume goes on") from error
            raise


def write(export: Export, found: StoredResults, out: Path) -> None:
    """Write results to `out`: first beside them, so that a process that is killed leaves nothing anywhere else.

    Raises:
        AttendError: they cannot be written.
    """
    whole = found.folder.parent / f"whole{export.suffix or ''}"
    shutil.rmtree(whole, ignore_errors=True)
    export.write(found, whole)
    put_in_place(whole, out)


def put_in_place(whole: Path, out: Path) -> None:
    """Give a whole file or folder the name that it was asked under, where at most an empty folder is.

    Raises:
        AttendError: it cannot be done.
    """
    try:
        if whole.is_dir() and out.exists():  # and is empty
            out.rmdir()
        os.replace(whole, out)
    except OSError as error:
        raise AttendError(f"{out}: cannot be written ({error.strerror or error})") from error


def delete(folder: Path) -> None:
    """Delete what is kept, its header last, since without that the folder could not be gone on with."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _header(folder: Path) -> Path:
    return folder / "inference.json"


def _check_same(folder: Path, about: dict[str, str]) -> None:
    try:
        begun = json.loads(_header(folder).read_bytes())
        changed = [name for name in about if begun.pop(name, None) != about[name]]
    except (OSError, ValueError, AttributeError) as error:
        raise AttendError(f"{_header(folder)}: is damaged ({error}); delete {folder} to start anew") from error
    if changed or begun:
        name = changed[0] if changed else next(iter(begun))
        raise AttendError(f"{folder}: was begun with another {name}; give the same, or delete it to start anew")
