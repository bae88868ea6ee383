"""Scenes from scikit-learn's bundled handwritten digits: small, offline, the default."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from attend.data.composed import compose_split
from attend.data.resize import resize_matrix
from attend.data.scenes_file import SceneData
from attend.data.splits import Split, split_glyphs
from attend.errors import AttendError

_MARGIN = 2  # pixels around the 8x8 digit; with it a digit fills 20 of 28 pixels, as in MNIST
_SIDE = 28
_BRIGHTEST = 16


def digit_glyphs() -> tuple[UInt8[np.ndarray, "glyph 28 28"], Int64[np.ndarray, " glyph"]]:
    """The 1,797 digits of `sklearn.datasets.load_digits` at MNIST's size, and their classes."""
    from sklearn.datasets import load_digits  # takes a second to import

    images, classes = load_digits(return_X_y=True)
    images = np.pad(images.reshape(-1, 8, 8), ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))
    enlarge = resize_matrix(images.shape[1], _SIDE)
    glyphs = enlarge @ images @ enlarge.T * (255 / _BRIGHTEST)
    return np.floor(np.clip(glyphs, 0, 255) + 0.5).astype(np.uint8), np.asarray(classes, np.int64)


def digits(
    split: Split, *, n: int, seed: int, path: Path | None = None, download: bool = False, **options: Any
) -> SceneData:
    """Compose scenes of the bundled digits; `options` are those of `compose`.

    Raises:
        AttendError: a path or a download is asked for (the digits need neither), or a setting is refused.
    """
    if path is not None or download:
        raise AttendError("digits: come with scikit-learn; they take neither a path nor download")
    return compose_split("digits", split_glyphs(*digit_glyphs(), split), split, n, seed, options)
