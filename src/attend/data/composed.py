"""Scenes of a split, composed from the glyphs that are its own."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from attend.data.compose import CANVAS, compose
from attend.data.photographs import scenery
from attend.data.scenes_file import SceneData
from attend.data.splits import SPLITS, Split, check_options
from attend.errors import AttendError

COMPOSE_OPTIONS = (
    *(name for name in signature(compose).parameters if name not in ("glyphs", "classes", "n", "seed", "grounds")),
    "photographs",
)
"""What a data set takes by name: the settings of `compose`, and whether pieces of photographs are the grounds."""

PIECES = 4_000
"""Of photographs, at most, for the scenes of a split."""


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
        chosen["grounds"] = scenery(split, n=min(n, PIECES), side=chosen.get("canvas", CANVAS), seed=seed)
    return compose(images, classes, n=n, seed=(seed, SPLITS.index(split)), **chosen)
