"""Is it possible to write there? Asked before the work is done rather than after."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.exports import Export

FIGURES = (".png", ".pdf", ".svg", ".jpg", ".webp")


def check_file(path: Path, suffixes: Sequence[str]) -> None:
    """Raise AttendError unless `path` ends in one of `suffixes` and a file can be written there."""
    if path.suffix not in suffixes:
        found = f"the suffix is {path.suffix!r}" if path.suffix else "it has no suffix"
        raise AttendError(f"{path}: {found}; it must be {' or '.join(suffixes)}")
    if path.is_dir():
        raise AttendError(f"{path}: is a folder; it must be the name of a file")
    _check_writable(path, path.parent)


def check_new_run(path: Path) -> None:
    """Raise AttendError unless `path` can become a new run folder."""
    from attend.training import RunFolder

    RunFolder.check_new(path)
    _check_writable(path, path)


def check_export(path: Path, name: str | None) -> "Export":
    """The format called `name`, or the one of the suffix of `path`.

    Raises:
        AttendError: there is none, it does not fit `path`, a package is missing, or `path` cannot be written.
    """
    from attend.exports import export_for, exports

    export = export_for(path) if name is None else exports[name]
    export.check()
    if export.suffix is None:
        check_folder(path)
    else:
        check_file(path, [export.suffix])
    return export


def check_folder(path: Path) -> None:
    """Raise AttendError unless `path` can become a new folder."""
    from attend.files import check_new_folder

    check_new_folder(path)
    _check_writable(path, path)


def _check_writable(path: Path, folder: Path) -> None:
    """Whether `folder` exists and can be written to, or could be made."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir():
        raise AttendError(f"{path}: cannot be written ({existing} is not a folder)")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise AttendError(f"{path}: cannot be written (no permission to write in {existing})")
