"""OUT.unfinished: the folder beside a result that keeps, while that is made, what is done already."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.exports import Export, StoredResults


def check_unfinished(out: Path, resume: bool) -> None:
    """Raise AttendError if `out` is half made and is not to be gone on with, or something else is in the way."""
    folder = _folder(out)
    if _header(folder).exists():
        if not resume:
            raise AttendError(
                f"{folder}: keeps what a stopped inference has done; go on with --resume, or delete it to start anew"
            )
    elif folder.exists() and (not folder.is_dir() or any(path.name[0] != "." for path in folder.iterdir())):
        raise AttendError(f"{folder}: is in the way; delete it, or choose another --out")


@contextlib.contextmanager
def unfinished(
    out: Path, about: dict[str, str], *, pixels: bool, masks: bool = False, pixel_size: float | None = None
) -> Iterator["StoredResults"]:
    """The results on the way to `out`: those that an earlier process has left behind, or none yet.

    The folder is deleted when the block ends, and kept when that fails and an image is done. A process that is killed
    leaves it behind at any moment so that the next one can go on.

    Args:
        out: what is made.
        about: by its name, each thing that the results depend on.
        pixels: as of `StoredResults`.
        masks: as of `StoredResults`.
        pixel_size: as of `StoredResults`.

    Raises:
        AttendError: the results there depend on something else, another process is making them, or the folder cannot
            be written.
    """
    from attend.exports import StoredResults
    from attend.files import atomic_file, locked

    folder = _folder(out)
    missing = [parent for parent in folder.parents if not parent.exists()]
    if _header(folder).exists():
        _check_same(folder, about)
    else:
        with atomic_file(_header(folder)) as file:
            file.write(json.dumps(about).encode())
    busy = f"{folder}: another process is working in it; let it end, or stop it"
    with _header(folder).open("rb") as file, locked(file, busy):
        found = StoredResults(folder / "pieces", pixels=pixels, masks=masks, pixel_size=pixel_size)
        try:
            yield found
        except BaseException as error:
            if not found.totals()[0]:
                _delete(folder)
                for parent in missing:
                    parent.rmdir()
            elif isinstance(error, AttendError | KeyboardInterrupt):
                stop = str(error) or "interrupted"
                raise type(error)(f"{stop}; {folder} keeps what is done, --resume goes on") from error
            raise
        _delete(folder)


def write(export: "Export", found: "StoredResults", out: Path) -> None:
    """Write results to `out`: first beside them, so that a process that is killed leaves nothing anywhere else.

    Raises:
        AttendError: they cannot be written.
    """
    whole = _folder(out) / f"whole{export.suffix or ''}"
    shutil.rmtree(whole, ignore_errors=True)
    export.write(found, whole)
    try:
        if export.suffix is None and out.exists():  # and is empty
            out.rmdir()
        os.replace(whole, out)
    except OSError as error:
        raise AttendError(f"{out}: cannot be written ({error.strerror or error})") from error


def _folder(out: Path) -> Path:
    return out.with_name(f"{out.name}.unfinished")


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


def _delete(folder: Path) -> None:
    """The pieces first, since without its header the folder could not be gone on with."""
    shutil.rmtree(folder / "pieces", ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
