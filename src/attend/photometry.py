"""From pixels of a file to natural units: what is around objects is 0, the usual object is 1 and 14 pixels wide.

Each estimate is a function of one image plane, `(rows, columns)`, in which objects are brighter than the background.
"""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

Plane = Float[np.ndarray, "rows columns"]

NATURAL = 14.0
"""Pixels of the usual object's equivalent diameter in natural units: enough to tell its shape, and few to compute."""

WINDOW = 21
"""Pixels, in natural units, of the window within which contrast is compared."""

SPREADS = (1 / 40, 0.4)
"""The least and the largest spread of the background, in contrasts of the usual object, that `seen` reckons with."""


def noise_level(plane: Plane) -> float:
    """The standard deviation of the pixel noise, from the differences of neighbours along both axes.

    These leave out what varies slowly; their median absolute value leaves out edges (as Immerkaer 1996, "Fast Noise
    Variance Estimation", with Donoho's median in place of the mean).
    """
    mixed = plane[:-1, :-1] - plane[1:, :-1] - plane[:-1, 1:] + plane[1:, 1:]
    return float(1.4826 * np.median(np.abs(mixed)) / 2)


def background(plane: Plane, diameter: float) -> tuple[Plane, float]:
    """What is around the objects, and how much that varies about it.

    A quadratic surface is fitted to the pixels, again and again without those that stand out above what is left, so
    that light may be uneven and objects may cover most of the image; then a smooth local correction is added. How far
    out a pixel may stand is told from the pixels below the surface, where no object is (as the mode of the sky is found
    in crowded fields of stars; Stetson 1987, "DAOPHOT", section III).

    Args:
        plane: an image in which objects are bright.
        diameter: of the usual object, in pixels.

    Returns:
        The background, and the spread: the standard deviation of noise and texture about it.
    """
    step = max(1, int(diameter / 4))
    coarse = ndimage.uniform_filter(plane, step)[step // 2 :: step, step // 2 :: step]
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in coarse.shape), indexing="ij")
    terms = np.stack([np.ones_like(rows), rows, columns, rows**2, rows * columns, columns**2], axis=-1).reshape(-1, 6)
    level = coarse.ravel()
    taken = level <= np.quantile(level, 0.6)
    surface, spread = level, 0.0
    for _ in range(12):
        surface = terms @ np.linalg.lstsq(terms[taken], level[taken], rcond=None)[0]
        left = level - surface
        spread = lower_sd(left[taken]) + 1e-5
        taken = (left < 2.5 * spread) & (left > -6 * spread)
        if taken.mean() < 0.05:
            taken = level <= np.quantile(level, 0.3)
    around = surface.reshape(coarse.shape)
    left = coarse - around
    local, weight = smooth_over(left, np.abs(left) < 3 * spread, max(4 * diameter / step, 2))
    around = around + np.where(weight > 0.02, local, 0)
    zoom = [fine / side for fine, side in zip(plane.shape, coarse.shape, strict=True)]
    full = np.asarray(ndimage.zoom(around, zoom, order=1, mode="nearest", grid_mode=True), np.float32)
    left, noise = plane - full, noise_level(plane)
    return full, max(lower_sd(left), robust_sd(left[left < 3 * max(spread, noise)]), noise)


def smooth_over(plane: Plane, taken: np.ndarray, sd: float) -> tuple[Plane, Plane]:
    """A Gaussian average of the pixels that are taken, and the share of its weight that they had."""
    weight = ndimage.gaussian_filter(taken.astype(np.float32), sd, mode="reflect")
    total = ndimage.gaussian_filter(np.where(taken, plane, 0).astype(np.float32), sd, mode="reflect")
    return total / np.maximum(weight, 1e-6), weight


def usual_contrast(contrast: Plane, spread: float) -> float:
    """The contrast of the usual object: the median of what stands out of the spread of the background.

    Args:
        contrast: the image less its background, at natural scale.
        spread: of the background.
    """
    smooth = ndimage.gaussian_filter(contrast, 1.0)
    above = smooth[smooth > 4 * spread]
    if above.size < 20:
        above = np.sort(smooth, axis=None)[-max(20, smooth.size // 200) :]
    return max(float(np.median(above)), 3 * spread, 1e-6)


def resample(plane: Plane, factor: float) -> Float[np.ndarray, "rows2 columns2"]:
    """The image at another scale: `factor` times as many pixels along each side, smoothed where they become fewer."""
    if abs(factor - 1) < 1e-3:
        return plane
    sides = [max(8, round(side * factor)) for side in plane.shape]
    if factor < 1:
        plane = ndimage.gaussian_filter(plane, 0.45 / factor if factor <= 0.5 else 0.4 * (1 / factor - 1))
    zoom = [new / side for new, side in zip(sides, plane.shape, strict=True)]
    return np.asarray(ndimage.zoom(plane, zoom, order=1, mode="nearest", grid_mode=True))


def seen(contrast: Plane, spread: float) -> Float[np.ndarray, "rows columns 2"]:
    """What q sees of an image in natural units.

    First the contrast, stretched by asinh so that objects of very different brightness look alike (Lupton, Gunn and
    Szalay 1999, for magnitudes of stars), where the usual object is 1; then the same less its mean within `WINDOW`
    pixels, over the deviation there, which tells bright neighbours apart.

    Args:
        contrast: of each pixel with the background, the usual object's being 1.
        spread: of the background, in the same unit.
    """
    spread = float(np.clip(spread, *SPREADS))
    stretched = (np.arcsinh(contrast / spread) / np.arcsinh(1 / spread)).astype(np.float32)
    inside = ndimage.uniform_filter(np.ones_like(stretched), WINDOW, mode="constant")
    mean = ndimage.uniform_filter(stretched, WINDOW, mode="constant") / inside
    square = ndimage.uniform_filter(stretched**2, WINDOW, mode="constant") / inside
    local = (stretched - mean) / np.sqrt(np.maximum(square - mean**2, 0) + 0.15**2)
    return np.stack([stretched, 0.5 * local], axis=-1)


def lower_sd(left: np.ndarray) -> float:
    """The standard deviation of what is left of a background, from the values below 0 alone, for objects are above.

    The root mean square, in which none counts for more than four times what the median suggests.
    """
    below = -left[left < 0]
    if not below.size:
        return 0.0
    return float(np.sqrt(np.mean(np.square(np.minimum(below, 4 * (1.4826 * np.median(below) + 1e-5))))))


def robust_sd(values: np.ndarray) -> float:
    """The standard deviation that the median absolute deviation suggests."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
