"""Train, validation and test scenes that never share a glyph."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from attend.errors import AttendError

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
DEFAULT_N = {"train": 60_000, "valid": 1_000, "test": 10_000}
"""Scenes in each split unless a number is asked for."""


def check_split(split: str) -> None:
    """Raise AttendError unless `split` is one of `SPLITS`."""
    if split not in SPLITS:
        raise AttendError(f"split: {split!r} is unknown; it must be one of {', '.join(SPLITS)}")


def check_options(name: str, options: Mapping[str, Any], taken: Sequence[str]) -> None:
    """Raise AttendError unless the data set `name` takes every one of the `options`."""
    unknown = [option for option in options if option not in taken]
    if unknown:
        raise AttendError(f"{name}: takes no option {unknown[0]!r}; it takes {', '.join(taken)}")


def split_glyphs(images: np.ndarray, classes: np.ndarray, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The split's share, by order, of glyphs without an official split.

    The last eighth is for testing, the last fourteenth of the rest for validation: of 8,000 glyphs 6,500 are
    for training, 500 for validation, 1,000 for testing.
    """
    test = len(images) - len(images) // 8
    valid = test - test // 14
    part = {"train": slice(0, valid), "valid": slice(valid, test), "test": slice(test, None)}[split]
    return images[part], classes[part]
