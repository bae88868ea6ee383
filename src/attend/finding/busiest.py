"""The part of an image in which most is going on."""

from functools import cached_property

import numpy as np
from jaxtyping import Float

from attend.finding.kind import Image, in_unit

SIDE = 4096
"""Pixels: of a longer image every other one is asked, or fewer, so that it has no more along a side."""


class Activity:
    """By how much the pixels of an image differ from its usual colour."""

    def __init__(self, image: Image):
        """Of an image in [0, 1] or in bytes."""
        self._image = image
        self._stride = -(-max(image.shape[:2]) // SIDE)

    @cached_property
    def _much(self) -> Float[np.ndarray, "rows columns"]:
        """Of every pixel that is asked; only once a part is wanted, since most images are small."""
        coarse = in_unit(self._image[:: self._stride, :: self._stride])
        return np.square(coarse - np.median(coarse, axis=(0, 1))).sum(axis=2)

    def busiest(self, side: int) -> Image:
        """The square part, of so many pixels along a side, that differs most; all of a smaller image."""
        if max(self._image.shape[:2]) <= side:
            return self._image
        rows = self._most(self._much.sum(axis=1), side, self._image.shape[0])
        own = slice(rows.start // self._stride, rows.stop // self._stride)
        return self._image[rows, self._most(self._much[own].sum(axis=0), side, self._image.shape[1])]

    def _most(self, along: Float[np.ndarray, " n"], side: int, of: int) -> slice:
        """The stretch of so many pixels, or all, with the largest sum."""
        side = min(side, of)
        kernel = np.ones(min(max(1, side // self._stride), len(along)))
        first = self._stride * int(np.convolve(along, kernel, mode="valid").argmax())
        first = min(first, of - side)
        return slice(first, first + side)
