"""What q is to say of a dream."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float

from attend.dreams.compose import Dream

SMALLEST = 8
"""An object of which fewer pixels are seen is none."""

SEEN = 0.2
"""Nor is one of which a smaller share is seen than this, unless the border of the image cuts it."""

REACH = 5
"""Cells around a middle that the target of the heat fills, at most."""


class Targets(NamedTuple):
    """What q learns to say, in pixels, but for `heat`, in cells of 2x2 pixels.

    Attributes:
        heat: 1 in the cell of an object's middle, falling to 0 around it.
        inside: whether a pixel is of an object.
        weight: 0 where `inside` does not matter, as in objects that are all but hidden.
        offsets: rows and columns from a pixel of an object to the middle of what is seen of it.
    """

    heat: Float[np.ndarray | Array, "rows2 columns2"]
    inside: Float[np.ndarray | Array, "rows columns"]
    weight: Float[np.ndarray | Array, "rows columns"]
    offsets: Float[np.ndarray | Array, "rows columns 2"]


def targets(dream: Dream) -> Targets:
    """The truth about a dream, as q is to say it.

    Middles are marked by a peak as wide as an object's size allows (Zhou, Wang and Kraehenbuehl 2019, "Objects as
    Points"), and each pixel points to the middle of its object (Neven et al. 2019, "Instance Segmentation by Jointly
    Optimizing Spatial Embeddings and Clustering Bandwidth"), so that masks may have any shape.
    """
    owner, n = dream.owner, len(dream.areas)
    rows, columns = np.mgrid[: owner.shape[0], : owner.shape[1]].astype(np.float32)
    areas = np.bincount(owner.ravel(), minlength=n)
    middles = np.stack(
        [np.bincount(owner.ravel(), axis.ravel(), n) / np.maximum(areas, 1) for axis in (rows, columns)], axis=1
    )
    counts = (areas >= SMALLEST) & (areas >= SEEN * dream.areas)
    counts[0] = False
    inside = counts[owner]
    offsets = (middles[owner] - np.stack([rows, columns], axis=-1)) * inside[..., None]
    heat = np.zeros((owner.shape[0] // 2, owner.shape[1] // 2), np.float32)
    for k in np.flatnonzero(counts):
        _mark(heat, middles[k], float(np.clip(0.1 * np.sqrt(4 * areas[k] / np.pi), 0.8, 2)))
    weight = (owner == 0) | inside
    return Targets(heat, inside.astype(np.float32), weight.astype(np.float32), offsets.astype(np.float32))


def _mark(heat: np.ndarray, middle: np.ndarray, sd: float) -> None:
    """Add a peak of deviation `sd` cells at a middle given in pixels."""
    cell = [int(np.clip(round((x - 0.5) / 2), 0, side - 1)) for x, side in zip(middle, heat.shape, strict=True)]
    part = tuple(slice(max(0, i - REACH), i + REACH + 1) for i in cell)
    y, x = (2 * np.arange(side)[one] + 0.5 - m for side, one, m in zip(heat.shape, part, middle, strict=True))
    heat[part] = np.maximum(heat[part], np.exp(-(y[:, None] ** 2 + x**2) / (4 * sd**2)))
    heat[cell[0], cell[1]] = 1
