"""From what the network says of pixels to objects with masks."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.spatial import KDTree

NEAR = 6.0
"""A pixel belongs to the nearest middle if it points no farther from it than this, in pixels."""

SMALLEST = 12
"""Objects of fewer pixels are dropped."""

EDGE = 0.01
"""By so much at least is more than half of a pixel covered by the object that it is of, and less if it is of none."""


class Instances(NamedTuple):
    """Objects of one image at natural scale.

    Attributes:
        middles: row and column of each.
        scores: how sure the network is of each, from 0 to 1.
        labels: 0 for the background, else the number of an object, from 1.
        areas: pixels of the mask.
        alpha: how much of a pixel its object covers or, outside of all, the one beside it: outlines run where it is a
            half.
    """

    middles: Float[np.ndarray, "n 2"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, "rows columns"]
    areas: Float[np.ndarray, " n"]
    alpha: Float[np.ndarray, "rows columns"]

    def boxes(self) -> Float[np.ndarray, "n 4"]:
        """x0, y0, width and height of each object, of which all must have some pixels: between pixels, to where its
        outline runs."""
        ends: list[np.ndarray] = []
        for labels, alpha in ((self.labels.T, self.alpha.T), (self.labels, self.alpha)):
            last = _last(labels, alpha, len(self.areas))
            first = len(labels) - _last(labels[::-1], alpha[::-1], len(self.areas))
            ends += [first, last - first]
        x0, wide, y0, high = ends
        return np.stack([x0, y0, wide, high], axis=1)


def covered(
    labels: Int[np.ndarray, "*pixels"], alpha: Float[np.ndarray, "*pixels"], index: Int[np.ndarray, "..."]
) -> Float[np.ndarray, "*pixels"]:
    """How much of some pixels certain objects cover; what another object covers of its own pixels they do not.

    Args:
        labels: of the pixels.
        alpha: of them, as of `Instances`.
        index: the numbers of the objects, from 1, as labels have them.
    """
    alpha = np.where(labels > 0, np.maximum(alpha, 0.5 + EDGE), np.minimum(alpha, 0.5 - EDGE))
    return np.where((labels == index) | (labels == 0), alpha, 1 - alpha)


def _last(labels: np.ndarray, alpha: np.ndarray, n: int) -> Float[np.ndarray, " n"]:
    """How far down each of n objects reaches, in rows from the upper border."""
    rows, columns = np.nonzero((labels > 0) & (labels != np.pad(labels[1:], [(0, 1), (0, 0)])))
    own = labels[rows, columns]
    below = np.minimum(rows + 1, len(labels) - 1)
    inside, outside = (covered(labels[at, columns], alpha[at, columns], own) for at in (rows, below))
    border = rows == below  # the image ends there, and the object with it
    reach = rows + np.where(border, 1, 0.5 + (inside - 0.5) / np.where(border, 1, inside - outside))
    found = np.zeros(n + 1)
    np.maximum.at(found, own, reach)
    return found[1:]


def instances(
    heat: Float[np.ndarray, "rows2 columns2"],
    inside: Float[np.ndarray, "rows columns"],
    offsets: Float[np.ndarray, "rows columns 2"],
    least: float,
) -> Instances:
    """Objects are peaks of the heat; each pixel inside some object belongs to the peak that it points to.

    Args:
        heat: probability that a middle is in a cell of 2x2 pixels.
        inside: probability that a pixel is of an object.
        offsets: from each pixel to the middle of its object.
        least: peaks below this are left out.
    """
    smooth = ndimage.gaussian_filter(heat, 0.5)
    rows, columns = np.nonzero((smooth == ndimage.maximum_filter(smooth, 3)) & (heat > least))
    order = np.argsort(-heat[rows, columns], kind="stable")
    cells = np.stack([rows[order], columns[order]], axis=1)
    middles, scores = 2.0 * cells + 0.5, heat[cells[:, 0], cells[:, 1]]
    labels = np.zeros(inside.shape, np.int32)
    if len(middles):
        pixels = np.stack(np.nonzero(inside > 0.5), axis=1)
        near: Any = KDTree(middles).query(pixels + offsets[pixels[:, 0], pixels[:, 1]])
        distance, owner = near
        mine = pixels[distance < NEAR]
        labels[mine[:, 0], mine[:, 1]] = owner[distance < NEAR] + 1
    areas = np.bincount(labels.ravel(), minlength=len(middles) + 1)[1:]
    return chosen(Instances(middles, scores, labels, areas.astype(float), inside), areas >= SMALLEST)


def chosen(found: Instances, kept: Bool[np.ndarray, " n"]) -> Instances:
    """Those of the objects that are kept, with new numbers."""
    labels = renumbered(found.labels, kept)
    return Instances(found.middles[kept], found.scores[kept], labels, found.areas[kept], found.alpha)


def renumbered(
    labels: Int[np.ndarray, "rows columns"], kept: Bool[np.ndarray, " n"]
) -> Int[np.ndarray, "rows columns"]:
    """The label image of those objects that are kept, numbered from 1 on."""
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return np.concatenate([np.zeros(1, np.int32), numbers])[labels]
