"""What a format of results is, and the choice of one by its name or by the suffix of a file."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from attend.errors import AttendError
from attend.exports.results import AnyResults
from attend.registry import Registry


@dataclass(frozen=True)
class Export:
    """A way to write results.

    Attributes:
        write: writes results to a path: a file whole or not at all, or a new folder.
        suffix: of the file that it writes; None when it writes a folder.
        needs: a package that only the extra `export` brings.
        pixels: whether it writes more than names, counts, boxes, masks and `what`; if not, slim `StoredResults` do.
        masks: whether it writes masks.
        told_by_suffix: whether a file's suffix may choose it.
    """

    write: Callable[[AnyResults, str | os.PathLike], None]
    suffix: str | None = None
    needs: str | None = None
    pixels: bool = False
    masks: bool = False
    told_by_suffix: bool = True

    def check(self) -> None:
        """Raise AttendError when the package that it needs is missing."""
        if self.needs is not None and importlib.util.find_spec(self.needs) is None:
            raise AttendError(
                f"{self.suffix or 'format'}: needs {self.needs}, which is not installed: pip install 'attend[export]'"
            )


exports: Registry[Export] = Registry("format")
"""Formats by name."""


def suffixes() -> list[str]:
    """Of the files that some format writes, in order of registration."""
    return list(dict.fromkeys(export.suffix for export in exports.values() if export.suffix is not None))


def folders() -> list[str]:
    """The names of the formats that write a folder."""
    return [name for name, export in exports.items() if export.suffix is None]


def export_for(path: str | os.PathLike) -> Export:
    """The first format registered for the suffix of `path`.

    Raises:
        AttendError: there is none.
    """
    suffix = Path(path).suffix
    for export in exports.values():
        if suffix and export.suffix == suffix and export.told_by_suffix:
            return export
    found = f"the suffix is {suffix!r}" if suffix else "it has no suffix"
    raise AttendError(
        f"{path}: {found}; it must be {', '.join(suffixes())}, or a folder with --format {', '.join(folders())}"
    )
