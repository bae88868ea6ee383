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


class Instances(NamedTuple):
    """Objects of one image at natural scale.

    Attributes:
        middles: row and column of each.
        scores: how sure the network is of each, from 0 to 1.
        labels: 0 for the background, else the number of an object, from 1.
        boxes: x0, y0, width, height of each object's mask.
        areas: pixels of the mask.
    """

    middles: Float[np.ndarray, "n 2"]
    scores: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, "rows columns"]
    boxes: Float[np.ndarray, "n 4"]
    areas: Float[np.ndarray, " n"]


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
    return chosen(middles, scores, labels, areas.astype(float), areas >= SMALLEST)


def chosen(
    middles: Float[np.ndarray, "n 2"],
    scores: Float[np.ndarray, " n"],
    labels: Int[np.ndarray, "rows columns"],
    areas: Float[np.ndarray, " n"],
    kept: Bool[np.ndarray, " n"],
) -> Instances:
    """Those of the objects that are kept, with new numbers."""
    labels = renumbered(labels, kept)
    return Instances(middles[kept], scores[kept], labels, boxed(labels), areas[kept])


def renumbered(
    labels: Int[np.ndarray, "rows columns"], kept: Bool[np.ndarray, " n"]
) -> Int[np.ndarray, "rows columns"]:
    """The label image of those objects that are kept, numbered from 1 on."""
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return np.concatenate([np.zeros(1, np.int32), numbers])[labels]


def boxed(labels: Int[np.ndarray, "rows columns"]) -> Float[np.ndarray, "n 4"]:
    """x0, y0, width, height of the pixels of each object of a label image that lacks no number."""
    boxes = [[x.start, y.start, x.stop - x.start, y.stop - y.start] for y, x in ndimage.find_objects(labels)]
    return np.array(boxes, float).reshape(-1, 4)
