"""Objects cut out of their surroundings: the empirical prior of what objects look like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

from attend.dreams.ellipses import spread_of

SIDE = 32
"""Rows and columns of a cut-out."""

WIDTH = 20.0
"""Pixels of a cut-out that its object's equivalent diameter, that of a disc of the same area, takes up."""


@dataclass(frozen=True)
class CutOuts:
    """Objects, each in the middle of `SIDE` x `SIDE` pixels and scaled to the equivalent diameter `WIDTH`.

    Attributes:
        value: contrast with the background, of mean 1 over the object.
        alpha: how much the object covers, from 0 to 1; 1/2 on its outline.
        depth: how far inside the outline a pixel is: 1 at the innermost, 0 outside.
        diameters: the equivalent diameter of each where it was cut out, in natural pixels.
        contrasts: the mean contrast of each there.
        glow: contrast around the object that comes with it, as light that is out of focus, in the unit of `value`; none
            if None.
    """

    value: Float[np.ndarray, "n side side"]
    alpha: Float[np.ndarray, "n side side"]
    depth: Float[np.ndarray, "n side side"]
    diameters: Float[np.ndarray, " n"]
    contrasts: Float[np.ndarray, " n"]
    glow: Float[np.ndarray, "n side side"] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self.value)

    def __getitem__(self, rows: slice | np.ndarray) -> "CutOuts":
        """The chosen ones."""
        glow = None if self.glow is None else self.glow[rows]
        value, alpha, depth = self.value[rows], self.alpha[rows], self.depth[rows]
        return CutOuts(value, alpha, depth, self.diameters[rows], self.contrasts[rows], glow)

    @staticmethod
    def concatenate(parts: Sequence["CutOuts"]) -> "CutOuts":
        """All of them, in order; all have a glow."""
        names = ("value", "alpha", "depth", "diameters", "contrasts", "glow")
        return CutOuts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def turned(
        self, index: int, diameter: float, angle: float, mirrored: bool, offset: Float[np.ndarray, "2"]
    ) -> list[Float[np.ndarray, "w w"]]:
        """A cut-out's value, alpha, depth and, if it has one, glow at another size and turn, in a window of odd side.

        Args:
            index: which one.
            diameter: its equivalent diameter there, in pixels.
            angle: by which it is turned, in radians.
            mirrored: whether it is mirrored as well.
            offset: of its middle from the middle of the window, rows and columns, in pixels.
        """
        matrix = _turn(diameter, angle, mirrored)
        side = 2 * int(np.ceil(0.75 * SIDE * diameter / WIDTH)) + 1
        start: Any = (SIDE - 1) / 2 - matrix @ ((side - 1) / 2 + offset)
        parts = [self.value, self.alpha, self.depth] + ([] if self.glow is None else [self.glow])
        return [
            ndimage.affine_transform(part[index], matrix, start, (side, side), order=1, mode="constant")
            for part in parts
        ]

    def spreads(self, indices: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k 2 2"]:
        """The covariance of the places that each of some cut-outs covers as it is, as of `ellipses`."""
        return np.array([spread_of(self.alpha[index] > 0.5) for index in indices]).reshape(-1, 2, 2)


def turned_spread(
    spread: Float[np.ndarray, "2 2"], diameter: float, angle: float, mirrored: bool
) -> Float[np.ndarray, "2 2"]:
    """That of a cut-out at another size and turn, as of `CutOuts.turned`."""
    turn = _turn(diameter, angle, mirrored)
    return turn.T @ spread @ turn * (diameter / WIDTH) ** 4


def _turn(diameter: float, angle: float, mirrored: bool) -> Float[np.ndarray, "2 2"]:
    """From offsets in a picture to those in the cut-out that is shown there."""
    cos, sin = np.cos(angle) * WIDTH / diameter, np.sin(angle) * WIDTH / diameter
    return np.array([[cos, -sin], [-sin, -cos] if mirrored else [sin, cos]])
