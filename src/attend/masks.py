"""Masks of objects: from the alpha over an object's own box to pixels of an image, label images and polygons.

A mask is kept as `m` x `m` numbers over the object's box, whatever size that has (as by He et al. 2017, "Mask R-CNN",
section 3), so that it can be drawn at any resolution. The pixels of the object are those whose alpha is at least half
of its own greatest. Boxes are (x0, y0, width, height) in pixels, whose edges are at whole numbers.
"""

import numpy as np
from jaxtyping import Bool, Float, Int32

SAMPLES = 28
"""Along either side of a box in a mask, as inference makes them (He et al. 2017)."""

HALF = 0.5
"""Share of an object's greatest alpha that a pixel of it has at least."""

Bounds = tuple[int, int, int, int]
"""Columns and rows in which pixels may be: the first column, the first row, and the ends of both."""


def alpha_over(
    mask: Float[np.ndarray, "m m"], box: Float[np.ndarray, "4"], bounds: Bounds
) -> tuple[tuple[int, int], Float[np.ndarray, "h w"]]:
    """An object's alpha at the pixels within `bounds` whose middle its box holds.

    Returns:
        The (column, row) of the first of these pixels, and the alpha of each, interpolated bilinearly. There may be no
        pixel.
    """
    (x, across), (y, down) = (
        _weights(float(box[axis]), float(box[axis + 2]), mask.shape[1 - axis], bounds[axis], bounds[axis + 2])
        for axis in (0, 1)
    )
    return (x, y), down @ mask.astype(np.float32) @ across.T


def mask_over(
    mask: Float[np.ndarray, "m m"], box: Float[np.ndarray, "4"], bounds: Bounds
) -> tuple[tuple[int, int], Bool[np.ndarray, "h w"]]:
    """Which of the pixels of `alpha_over` are the object's, and the (column, row) of their first one."""
    corner, alpha = alpha_over(mask, box, bounds)
    return corner, alpha >= _level(mask)


def label_image(
    masks: Float[np.ndarray, "objects m m"],
    boxes: Float[np.ndarray, "objects 4"],
    size: tuple[int, int],
    bounds: Bounds | None = None,
) -> Int32[np.ndarray, "h w"]:
    """An image of `size` (height, width) in which 0 is background and each pixel of object k, from 0, is k + 1.

    Where objects overlap, the pixel belongs to the first of them, which is in front.
    """
    height, width = size
    labels = np.zeros(size, np.int32)
    for index in reversed(range(len(masks))):
        (x, y), mask = mask_over(masks[index], boxes[index], bounds or (0, 0, width, height))
        labels[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = index + 1
    return labels


def contours_over(
    mask: Float[np.ndarray, "m m"], box: Float[np.ndarray, "4"], bounds: Bounds
) -> list[Float[np.ndarray, "_ 2"]]:
    """The outlines of an object as closed polygons of (x, y): one for each of its parts, the largest first.

    They go between the pixels that `mask_over` tells and their neighbours, where the interpolated alpha passes half of
    its greatest (Lorensen and Cline 1987, "Marching Cubes", in 2D). Holes are filled.
    """
    from skimage.measure import find_contours  # slow to import

    (x, y), alpha = alpha_over(mask, box, bounds)
    if not alpha.size:
        return []
    level = np.nextafter(_level(mask), np.float32(0))  # the pixels at the level itself are inside
    rings = [ring[:, ::-1] for ring in find_contours(np.pad(alpha, 1), level)]
    areas = [polygon_area(ring) for ring in rings]
    outer = [rings[i] for i in np.argsort(areas)[::-1] if areas[i] > 0]  # holes turn the other way
    return [ring + np.array([x - 0.5, y - 0.5]) for ring in outer]


def polygon_area(ring: Float[np.ndarray, "n 2"]) -> float:
    """The area inside a polygon of (x, y); below 0 if it turns to the left where y points down."""
    x, y = (ring - ring[0]).T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def _level(mask: np.ndarray) -> np.float32:
    """The alpha from which on a pixel is the object's; an object of no alpha at all has none."""
    return np.float32(HALF * max(float(mask.max(initial=0)), 1e-6))


def _weights(start: float, length: float, m: int, first: int, end: int) -> tuple[int, np.ndarray]:
    """Along one axis: the first pixel whose middle is inside, and for each the weights of the mask's `m` samples."""
    low = int(np.clip(np.ceil(start - 0.5), first, end))
    high = int(np.clip(np.ceil(start + length - 0.5), low, end))
    at = (np.arange(low, high) + 0.5 - start) / max(length, 1e-6) * m - 0.5
    at = at.clip(0, m - 1)
    return low, np.clip(1 - np.abs(at[:, None] - np.arange(m)), 0, 1).astype(np.float32)
