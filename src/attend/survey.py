"""What images tell, before anything is learned, of the settings of a model of them."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from attend.config import Config
from attend.photometry import robust_sd
from attend.settings import flattened

LOOKED_AT = 400
"""Images that are looked at, evenly spread over all."""

DARK, EVEN = 0.05, 0.04
"""A ground is black below the one brightness (of 1); it has one colour if it varies by less than the other."""

SMALLEST, PART = 9, 1 / 4
"""Parts of fewer pixels are taken for noise, and when objects are counted those of a smaller share of the usual one."""

MARGIN = 1.25
"""Sides of an object's window in terms of its own."""

SCALE_SD = (0.15, 0.35)
"""The spread of sizes is said to be at least and at most so large: parts that touch seem larger than they are."""

REACH = 1.0
"""Standard deviations: how far sizes may be from the usual one."""

ENOUGH = 20
"""With fewer whole objects to be seen, nothing is said of their size and number."""

MOST = 12
"""No more objects in an image are asked for: each costs time."""

BLOCKS = (2, 4, 8)
"""Sides in pixels of the blocks whose means tell white noise from all else."""

SURE, WHITE = 4.0, 0.05
"""Blocks vary as white noise makes them if by no more than so many standard deviations, or by no more than that part,
more or less."""


@dataclass(frozen=True)
class Survey:
    """What was seen.

    Attributes:
        settings: names of the model's settings and what they should be.
        reasons: why, in a few words, for those that a user may want to know of.
        warnings: what is wrong with the images, each in a line.
    """

    settings: dict[str, Any]
    reasons: dict[str, str]
    warnings: tuple[str, ...] = ()

    def beside(self, given: Collection[str]) -> dict[str, Any]:
        """The settings that remain when some are given by name; who gives the renderer decides on the background."""
        taken = {*given, "background"} if "renderer" in given else {*given}
        return {name: value for name, value in self.settings.items() if name not in taken}

    def lines(self, given: Collection[str] = ()) -> list[str]:
        """What those are and why."""
        kept = self.beside(given)
        return [f"{name} {kept[name]}: {reason}" for name, reason in self.reasons.items() if name in kept]


def survey(images: np.ndarray) -> Survey:
    """Settings of a model that suit these images: what is behind the objects, how large they are, how many.

    The ground is the median colour: black; the same in all images and all over them (`constant`); or else `learned`,
    and then it is the median of what is around each pixel. What differs from the ground by more than Otsu's threshold
    (1979) falls into connected parts. The median of the longer sides of those that do not touch the border is the size
    of an object; the number of objects in an image is that of its parts which are not much smaller or, since some
    touch, their area over that of the median one, whichever is larger; and the most are as many as 99 % of the images
    do not surpass.

    Images of nothing but white noise (`looks_like_noise`) get a model that finds few objects or none in them: of one
    object at most, and with a pixel noise at which even an object that explained all the noise it covers would not be
    worth its price.

    Args:
        images: `(n, H, W, C)`, uint8 or float in [0, 1].
    """
    some = images[:: math.ceil(len(images) / LOOKED_AT)].astype(np.float32)
    some = some / 255 if images.dtype == np.uint8 else some
    colours = np.median(some, axis=(1, 2))
    overall = np.median(colours, axis=0)
    varies = max(robust_sd(colours - overall), robust_sd(_coarse(some) - overall))
    settings: dict[str, Any]
    if varies >= EVEN:
        settings, ground = {"background": "learned", "renderer": "alpha"}, _around(some)
        reasons = {"background": f"the background varies by {varies:.2f} of the range of values"}
    elif overall.max() >= DARK:
        settings, ground = {"background": "constant", "renderer": "alpha"}, overall
        reasons = {"background": "the background has one colour"}
    else:
        settings, ground = {"background": "none"}, overall
        reasons = {"background": "the background is black"}
    if looks_like_noise(some):
        return _of_noise(some, settings, reasons)
    sizes, counts = _parts(np.abs(some - ground).max(axis=3))
    if len(sizes) < ENOUGH:
        return Survey(settings, reasons)
    size, shorter = float(np.median(sizes)), min(images.shape[1:3])
    settings["scale"] = round(min(MARGIN * size / shorter, 1.0), 3)
    settings["scale_sd"] = round(float(np.clip(robust_sd(np.log(sizes)), *SCALE_SD)), 3)
    settings["scale_reach"] = REACH
    settings["max_objects"] = int(np.clip(np.quantile(counts, 0.99, method="higher"), 1, MOST))
    reasons["scale"] = f"the median object is {size:.0f} pixels long, the image {shorter}"
    reasons["scale_sd"] = "the standard deviation of the logarithm of the lengths"
    reasons["max_objects"] = "99 % of the images show no more objects"
    return Survey(settings, reasons)


def looks_like_noise(images: Float[np.ndarray, "n h w c"]) -> bool:
    """Whether the pixels vary as white noise does, at every scale at which there could be objects.

    The variance of the means of blocks of k by k pixels is that of the pixels over k^2 if these are independent, within
    the error of an estimate from so many blocks; what is larger than a pixel makes it larger (the variance ratio of Lo
    and MacKinlay 1988, "Stock market prices do not follow random walks", in the plane). The mean of each image is its
    own. Images of one brightness, and those too small for four blocks, are not said to be noise.
    """
    n, height, width, _ = images.shape
    sides = [side for side in BLOCKS if min(height, width) >= 2 * side]
    pixels = float(images.var(axis=(1, 2), ddof=1).mean()) if sides else 0.0
    if not pixels > 0:
        return False
    for side in sides:
        whole = images[:, : height // side * side, : width // side * side]
        blocks = whole.reshape(n, height // side, side, width // side, side, -1).mean(axis=(2, 4))
        ratio = side**2 * float(blocks.var(axis=(1, 2), ddof=1).mean()) / pixels
        error = math.sqrt(2 / (n * (blocks[0, ..., 0].size - 1)))
        if abs(ratio - 1) > max(SURE * error, WHITE):
            return False
    return True


def _of_noise(images: Float[np.ndarray, "n h w c"], settings: dict[str, Any], reasons: dict[str, str]) -> Survey:
    """What to do with images of nothing but noise."""
    usual = flattened(Config().model)
    noise = float(images.std(axis=(1, 2)).mean())
    area = images.shape[3] * (usual["renderer.scale"] * min(images.shape[1:3])) ** 2
    sd = max(usual["likelihood.pixel_sd"], noise * math.sqrt(area / (2 * usual["count_price"])))
    if settings["background"] == "learned":
        settings = settings | {"background": "constant"}
    settings = settings | {"max_objects": 1, "pixel_sd": round(sd, 3)}
    reasons = {
        "max_objects": "there may be nothing to be found",
        "pixel_sd": f"so that noise, of {noise:.2f}, is not taken for objects",
    }
    return Survey(settings, reasons, ("the images look like noise: there may be no objects in them",))


def _coarse(images: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h2 w2 c"]:
    """The images in some 12 pixels along their shorter side, in which noise is averaged out."""
    step = max(1, min(images.shape[1:3]) // 12)
    sizes: Any = (0, step, step, 0)
    return ndimage.uniform_filter(images, sizes)[:, step // 2 :: step, step // 2 :: step]


def _around(images: Float[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n h w c"]:
    """The median of what is around each pixel, half a side wide, as seen in coarse pixels."""
    coarse = _coarse(images)
    side = min(coarse.shape[1:3]) // 2 + 1
    coarse = np.stack([ndimage.median_filter(image, (side, side, 1), mode="reflect") for image in coarse])
    zoom = (1, images.shape[1] / coarse.shape[1], images.shape[2] / coarse.shape[2], 1)
    return np.asarray(ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True))


def _parts(differs: Float[np.ndarray, "n h w"]) -> tuple[np.ndarray, np.ndarray]:
    """The longer sides of the whole parts, in pixels, and the number of objects in each image."""
    differs = ndimage.gaussian_filter(differs, (0, 1, 1))
    over = differs > max(_otsu(differs), EVEN)
    height, width = differs.shape[1:]
    sides, areas, found = [], [], []
    for image in over:
        labels: Any = ndimage.label(image, np.ones((3, 3)))[0]  # pyright: ignore[reportIndexIssue]
        kept = []
        for (rows, columns), area in zip(ndimage.find_objects(labels), np.bincount(labels.ravel())[1:], strict=True):
            if area < SMALLEST:
                continue
            kept.append(area)
            if rows.start > 0 and columns.start > 0 and rows.stop < height and columns.stop < width:
                sides.append(max(rows.stop - rows.start, columns.stop - columns.start))
                areas.append(area)
        found.append(kept)
    usual = np.median(areas) if areas else math.inf
    counts = [max(sum(area > PART * usual for area in kept), round(sum(kept) / usual)) for kept in found]
    return np.array(sides), np.array(counts)


def _otsu(values: np.ndarray) -> float:
    """The threshold that divides values best into two classes (Otsu 1979)."""
    histogram, edges = np.histogram(values, 256)
    below = np.cumsum(histogram)
    above = below[-1] - below
    middles = (edges[:-1] + edges[1:]) / 2
    total = np.cumsum(histogram * middles)
    apart = total / np.maximum(below, 1) - (total[-1] - total) / np.maximum(above, 1)
    return float(edges[1 + np.argmax(below * above * apart**2)])
