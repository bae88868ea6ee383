"""What an object looks like but for its place, size, turn and colour: a few numbers that none of these change."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from attend.geometry import VISIBLE

RINGS, REACH = 10, 2.2
"""Circles about the object's middle on which it is looked at, out to so many times its root mean square radius."""

ANGLES, WAVES = 32, 8
"""Points on each circle, and of the waves around it those that are kept: 0 to 7 in a turn."""


def outlines(patches: Float[np.ndarray, "n g g c"]) -> Float[np.ndarray, "n d"]:
    """The generic Fourier descriptor (Zhang and Lu 2002, "Shape-based image retrieval using generic Fourier
    descriptor") of each object's brightness, but for the transform along the radius.

    Brightness is that of the strongest channel over the object's own greatest, and from `VISIBLE` on. On circles about
    its middle, whose radii grow with the object, a turn moves the brightness along; the amplitudes of its waves stay.

    Args:
        patches: objects on black, in [0, 1].
    """
    bright = patches.max(axis=3).astype(np.float64)
    greatest = np.maximum(bright.max(axis=(1, 2), keepdims=True), 1e-6)
    bright = np.clip(bright / greatest - VISIBLE, 0.0, None) / (1 - VISIBLE)
    axis = np.arange(patches.shape[1])
    total = np.maximum(bright.sum(axis=(1, 2)), 1e-6)
    row, column = (bright.sum(axis=other) @ axis / total for other in (2, 1))
    squares = (axis[:, None] - row[:, None, None]) ** 2 + (axis - column[:, None, None]) ** 2
    size = np.sqrt((bright * squares).sum(axis=(1, 2)) / total)
    radii = REACH * (np.arange(RINGS) + 0.5) / RINGS
    angles = 2 * np.pi * np.arange(ANGLES) / ANGLES
    rows, columns = (
        middle[:, None, None] + size[:, None, None] * radii[:, None] * turn(angles)
        for middle, turn in ((row, np.sin), (column, np.cos))
    )
    objects = np.broadcast_to(np.arange(len(bright))[:, None, None], rows.shape)
    circles = ndimage.map_coordinates(bright, [objects, rows, columns], order=1)
    waves = np.abs(np.fft.rfft(circles, axis=2)[..., :WAVES]) / ANGLES
    return (waves * np.sqrt(radii)[:, None]).reshape(len(bright), RINGS * WAVES)
