"""Objects cut out of their surroundings: the empirical prior of what objects look like."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

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
    """

    value: Float[np.ndarray, "n side side"]
    alpha: Float[np.ndarray, "n side side"]
    depth: Float[np.ndarray, "n side side"]
    diameters: Float[np.ndarray, " n"]
    contrasts: Float[np.ndarray, " n"]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.value)

    def __getitem__(self, rows: slice | np.ndarray) -> "CutOuts":
        """The chosen ones."""
        return CutOuts(self.value[rows], self.alpha[rows], self.depth[rows], self.diameters[rows], self.contrasts[rows])

    @staticmethod
    def concatenate(parts: Sequence["CutOuts"]) -> "CutOuts":
        """All of them, in order."""
        names = ("value", "alpha", "depth", "diameters", "contrasts")
        return CutOuts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def turned(
        self, index: int, diameter: float, angle: float, mirrored: bool, offset: Float[np.ndarray, "2"]
    ) -> tuple[Float[np.ndarray, "w w"], Float[np.ndarray, "w w"], Float[np.ndarray, "w w"]]:
        """One cut-out's value, alpha and depth as it looks at another size and turn, in a window of odd side.

        Args:
            index: which one.
            diameter: its equivalent diameter there, in pixels.
            angle: by which it is turned, in radians.
            mirrored: whether it is mirrored as well.
            offset: of its middle from the middle of the window, rows and columns, in pixels.
        """
        step = WIDTH / diameter
        side = 2 * int(np.ceil(0.75 * SIDE / step)) + 1
        cos, sin = np.cos(angle) * step, np.sin(angle) * step
        matrix = np.array([[cos, -sin], [sin, cos]])
        if mirrored:
            matrix[1] *= -1
        start: Any = (SIDE - 1) / 2 - matrix @ ((side - 1) / 2 + offset)
        value, alpha, depth = (
            ndimage.affine_transform(part[index], matrix, start, (side, side), order=1, mode="constant")
            for part in (self.value, self.alpha, self.depth)
        )
        return value, alpha, depth
