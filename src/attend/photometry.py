"""From pixels of a file to natural units: what is around objects is 0, the usual object is 1 and 14 pixels wide.

Each estimate is a function of one image plane, `(rows, columns)`, in which objects are brighter than the background.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

Plane = Float[np.ndarray, "_rows _columns"]

Part = tuple[slice, slice]
"""Rows and columns of an image, from a first one to a last."""

NATURAL = 14.0
"""Pixels of the usual object's equivalent diameter in natural units: enough to tell its shape, and few to compute."""

WINDOW = 21
"""Pixels, in natural units, of the window within which contrast is compared."""

FITTED = 100_000
"""Pixels that a surface is fitted to, at most, evenly spread."""

LIKE, UNLIKE = 2.0, 3.0
"""If the largest tenth of the spreads of blocks is so many times as large as the least, they are taken to be the same;
or to be different."""

SMALLEST = 1 / 1024
"""Spreads below this, a quarter of a grey level of 8 bit, are not compared."""

SPREADS = (1 / 40, 0.4)
"""The least and the largest spread of the background, in contrasts of the usual object, that `seen` reckons with."""


def noise_level(plane: Plane) -> float:
    """The standard deviation of the pixel noise, from the differences of neighbours along both axes.

    These leave out what varies slowly; their median absolute value leaves out edges (as Immerkaer 1996, "Fast Noise
    Variance Estimation", with Donoho's median in place of the mean).
    """
    mixed = plane[:-1, :-1] - plane[1:, :-1] - plane[:-1, 1:] + plane[1:, 1:]
    return float(1.4826 * np.median(np.abs(mixed)) / 2)


def shrunken(plane: Plane, step: int) -> Plane:
    """The mean around every `step`-th pixel, the first half a step from the border."""
    return ndimage.uniform_filter(plane, step)[step // 2 :: step, step // 2 :: step]


def background(coarse: Plane, diameter: float) -> tuple[Plane, float]:
    """What is around the objects, and how much that varies about it.

    A quadratic surface is fitted to the pixels, again and again without those that stand out above what is left, so
    that light may be uneven and objects may cover most of the image; then a smooth local correction is added. How far
    out a pixel may stand is told from the pixels below the surface, where no object is (as the mode of the sky is found
    in crowded fields of stars; Stetson 1987, "DAOPHOT", section III).

    Args:
        coarse: an image in which objects are bright, shrunken so that the usual object is some four pixels wide.
        diameter: of the usual object, in pixels of it.

    Returns:
        The background, and a first idea of its spread, for `spread_about`.
    """
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, side) for side in coarse.shape), indexing="ij")
    terms = np.stack([np.ones_like(rows), rows, columns, rows**2, rows * columns, columns**2], axis=-1).reshape(-1, 6)
    some = slice(None, None, -(-coarse.size // FITTED))
    own, level = terms[some], coarse.ravel()[some]
    taken = level <= np.quantile(level, 0.6)
    weights, spread = np.zeros(terms.shape[1]), 0.0
    for _ in range(12):
        weights = np.linalg.lstsq(own[taken], level[taken], rcond=None)[0]
        left = level - own @ weights
        spread = lower_sd(left[taken]) + 1e-5
        taken = (left < 2.5 * spread) & (left > -6 * spread)
        if taken.mean() < 0.05:
            taken = level <= np.quantile(level, 0.3)
    around = (terms @ weights).reshape(coarse.shape)
    left = coarse - around
    local, weight = smooth_over(left, np.abs(left) < 3 * spread, max(4 * diameter, 2))
    return (around + np.where(weight > 0.02, local, 0)).astype(np.float32), spread


def spread_about(planes: Sequence[Plane], around: Sequence[Plane], first: float) -> float:
    """The spread of a background: the standard deviation of noise and texture about it.

    Args:
        planes: parts of an image, at full resolution.
        around: the background of each.
        first: an idea of the spread, from `background`.
    """
    noise = float(np.median([noise_level(plane) for plane in planes]))
    left = np.concatenate([(plane - full).ravel() for plane, full in zip(planes, around, strict=True)])
    return max(lower_sd(left), robust_sd(left[left < 3 * max(first, noise)]), noise)


def unevenness(spreads: Plane, spread: float) -> Plane | None:
    """How many times as large as that of the whole image the spread of each of its blocks is, if it clearly differs.

    The light and the grain of most images are much the same everywhere, and what blocks differ by is chance: then it is
    None. Where an image shows different things side by side, as a plate on a table does, the spread is several times as
    large in some blocks as in others.

    Args:
        spreads: of the blocks; 0 where it is not known.
        spread: of the whole.
    """
    ratio = np.log(np.where(spreads > 0, spreads, spread).clip(SMALLEST) / max(spread, SMALLEST))
    ratio = ndimage.median_filter(ratio, 3, mode="nearest")
    low, high = np.quantile(ratio, (0.1, 0.9))
    sure = (high - low - np.log(LIKE)) / (np.log(UNLIKE) - np.log(LIKE))
    return np.exp(ratio * min(sure, 1)).astype(np.float32) if sure > 0 else None


def smooth_over(plane: Plane, taken: np.ndarray, sd: float) -> tuple[Plane, Plane]:
    """A Gaussian average of the pixels that are taken, and the share of its weight that they had."""
    weight = ndimage.gaussian_filter(taken.astype(np.float32), sd, mode="reflect")
    total = ndimage.gaussian_filter(np.where(taken, plane, 0).astype(np.float32), sd, mode="reflect")
    return total / np.maximum(weight, 1e-6), weight


def usual_contrast(contrasts: Sequence[Plane], spread: float) -> float:
    """The contrast of the usual object: the median of what stands out of the spread of the background.

    Args:
        contrasts: parts of an image less its background, at natural scale.
        spread: of the background.
    """
    smooth = np.concatenate([ndimage.gaussian_filter(contrast, 1.0).ravel() for contrast in contrasts])
    above = smooth[smooth > 4 * spread]
    if above.size < 20:
        above = np.sort(smooth)[-max(20, smooth.size // 200) :]
    return max(float(np.median(above)), 3 * spread, 1e-6)


def scaled(sides: Sequence[int], factor: float) -> tuple[int, int]:
    """Rows and columns of an image at another scale."""
    rows, columns = sides if abs(factor - 1) < 1e-3 else (max(8, round(side * factor)) for side in sides)
    return rows, columns


def resample(plane: Plane, factor: float) -> Float[np.ndarray, "_rows2 _columns2"]:
    """The image at another scale: `factor` times as many pixels along each side, smoothed where they become fewer."""
    rows, columns = scaled(plane.shape, factor)
    return resampled_part(lambda part: plane[part], plane.shape, factor, (slice(0, rows), slice(0, columns)))


def resampled_part(
    plane: Callable[[Part], Plane], sides: Sequence[int], factor: float, part: Part
) -> Float[np.ndarray, "_rows _columns"]:
    """A part of an image at another scale, as it would be of the whole.

    Args:
        plane: gives any part of the image.
        sides: rows and columns of the image.
        factor: as of `resample`.
        part: of the image at the other scale, whose rows and columns `scaled` gives.
    """
    to = scaled(sides, factor)
    if to == tuple(sides):
        return plane(part)
    sd = 0.0 if factor >= 1 else 0.45 / factor if factor <= 0.5 else 0.4 * (1 / factor - 1)
    beyond = int(4 * sd + 0.5) + 2
    step = np.array(sides) / np.array(to)
    first = [max(0, int(one.start * each) - beyond) for one, each in zip(part, step, strict=True)]
    last = [min(side, int(one.stop * each) + beyond) for one, each, side in zip(part, step, sides, strict=True)]
    own = plane((slice(first[0], last[0]), slice(first[1], last[1])))
    return _between(ndimage.gaussian_filter(own, sd) if sd else own, step, part, first)


def enlarged_part(coarse: Plane, sides: Sequence[int], part: Part) -> Plane:
    """A part of an image of so many rows and columns, of which `coarse` is a shrunken one."""
    return _between(coarse, np.array(coarse.shape) / np.array(sides), part, (0, 0))


def _between(plane: Plane, step: np.ndarray, part: Part, first: Sequence[int]) -> Plane:
    """The linear interpolation of an image that begins at pixel `first`, every `step` pixels."""
    start: Any = (np.array([one.start for one in part]) + 0.5) * step - 0.5 - np.array(first)
    sides = tuple(one.stop - one.start for one in part)
    return ndimage.affine_transform(plane, step, start, sides, order=1, mode="nearest")


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
