"""The images of a Hugging Face data set that was saved on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attend.errors import AttendError

NAMES = {"train": ("train",), "valid": ("validation", "valid", "val", "dev"), "test": ("test",)}
"""What our splits are called there."""


def is_saved(path: Path) -> bool:
    """Whether `path` is a folder written by `save_to_disk`, with splits or without."""
    return (path / "dataset_dict.json").is_file() or (
        (path / "state.json").is_file() and (path / "dataset_info.json").is_file()
    )


def images(path: Path, split: str) -> tuple[int, Callable[[int], Path | bytes]]:
    """How many rows there are, and the image file in a row, undecoded, from the first column of images.

    Args:
        path: a folder for which `is_saved` holds.
        split: `train`, `valid` or `test`, where the data set has splits; its only one serves for all.

    Raises:
        AttendError: the package `datasets` is missing, the data set is damaged, or has no such split or no images.
    """
    try:
        import datasets
    except ImportError as error:
        raise AttendError(f"{path}: is a Hugging Face data set, which needs: pip install 'attend[hf]'") from error
    try:
        saved = datasets.load_from_disk(str(path.absolute()))
    except Exception as error:  # whatever the reader of a damaged file raises
        raise AttendError(f"{path}: cannot be read as a Hugging Face data set ({error})") from error
    rows = _split(path, saved, split) if isinstance(saved, datasets.DatasetDict) else saved
    columns = [name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)]
    if not columns:
        raise AttendError(f"{path}: has the columns {', '.join(rows.features)}; one must be of the type Image")
    undecoded = rows.cast_column(columns[0], datasets.Image(decode=False)).select_columns(columns[:1])

    return len(rows), _File(undecoded, columns[0])


@dataclass(frozen=True)
class _File:
    """What finds the image file in a row; it can be sent to another process, which opens the data set itself."""

    undecoded: Any
    column: str

    def __call__(self, index: int) -> Path | bytes:
        value = self.undecoded[index][self.column] or {}
        return value.get("bytes") or Path(value.get("path") or "")


def _split(path: Path, saved: Any, split: str) -> Any:
    if len(saved) == 1:
        return next(iter(saved.values()))
    found = [name for name in NAMES[split] if name in saved]
    if not found:
        raise AttendError(
            f"{path}: has the splits {', '.join(saved)}; the {split} split must be called {NAMES[split][0]}"
        )
    return saved[found[0]]
