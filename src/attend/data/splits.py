"""Train, validation and test scenes that never share a glyph."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, Literal

import numpy as np

from attend.data.compose import CANVAS, compose
from attend.data.scenes_file import SceneData
from attend.errors import AttendError

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
DEFAULT_N = {"train": 60_000, "valid": 1_000, "test": 10_000}
"""Scenes in each split unless a number is asked for."""

COMPOSE_OPTIONS = (
    *(name for name in signature(compose).parameters if name not in ("glyphs", "classes", "n", "seed", "grounds")),
    "photographs",
)
"""What a data set takes by name: the settings of `compose`, and whether pieces of photographs are the grounds."""

PIECES = 4_000
"""Of photographs, at most, for the scenes of a split."""


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


def compose_split(
    name: str,
    glyphs: tuple[np.ndarray, np.ndarray],
    split: Split,
    n: int,
    seed: int,
    options: Mapping[str, Any],
) -> SceneData:
    """Compose `n` scenes of a split of the data set `name` from the split's own glyphs and classes.

    Raises:
        AttendError: an option is unknown, the split has no glyph, or `compose` refuses a setting.
    """
    check_options(name, options, COMPOSE_OPTIONS)
    images, classes = glyphs
    if not len(images):
        raise AttendError(f"{name}: too few glyphs for a {split} split; there must be at least 16")
    chosen = dict(options)
    if chosen.pop("photographs", False):
        from attend.data.photographs import scenery

        chosen["grounds"] = scenery(split, n=min(n, PIECES), side=chosen.get("canvas", CANVAS), seed=seed)
    return compose(images, classes, n=n, seed=(seed, SPLITS.index(split)), **chosen)
