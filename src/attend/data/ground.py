"""Polarity: are the objects darker than the background, as ink on paper, or brighter?"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy import ndimage

NEAR = 0.2
"""A pixel belongs to the background if it is no further than this from it, where black is 0 and white is 1."""

LOOKED_AT = 1000
"""Images whose background is looked at, evenly spread over all there are."""

WINDOW, WINDOWS_PIXELS = 512, 2**20
"""Blobs are looked for in windows of at most this side, evenly spread, and in no more pixels than that together."""

EVEN = 0.01
"""What differs by no more than this, of the range, is one level."""

SURE = 0.3
"""Below this confidence the polarity is left open. Photographs, textures and noise stay below it."""

FAINT = 1e-10
"""A mean blob strength below this is rounding, not contrast: objects of one grey level in 8 bits are above it."""


class Polarity(NamedTuple):
    """Whether objects are darker than the background, and how sure that is.

    Attributes:
        darker: objects are darker than the background.
        confidence: from 0 (nothing tells) to 1 (everything says so).
    """

    darker: bool
    confidence: float

    @property
    def sure(self) -> bool:
        """Whether the confidence is enough to act upon."""
        return self.confidence >= SURE


Images = UInt8[np.ndarray, "n height width channel"] | Float[np.ndarray, "n height width channel"]


def light_ground(images: Images) -> bool:
    """Whether images surely show objects that are darker than the background; the confidence is that of `polarity`."""
    found = polarity(images)
    return found.darker and found.sure


def polarity(images: Images) -> Polarity:
    """Whether objects are darker or brighter than the background, from the pixels alone.

    Two observations are added, each between -1 (darker) and 1 (brighter). First, objects are compact: where
    brightness curves in the same way in every direction there is a blob, while the gaps between objects that touch are
    ridges and valleys. The strength of bright blobs is compared with that of dark ones, by the determinant of the
    Hessian over all scales (Lindeberg 1998, "Feature detection with automatic scale selection"), in each channel, so
    that objects which differ from the background in colour only count for neither. Second, a background is even and
    reaches the border: if most pixels are near what the border shows, and of the others no more lie on the same
    side as the nearer end of the range, then its lightness counts, by how many pixels are near it.

    Args:
        images: at least one; uint8, or float in [0, 1].
    """
    score = float(np.clip(_blobs(_unframed(images)) + _background(images), -1, 1))
    return Polarity(score < 0, abs(score))


def _grey(images: Images) -> Float32[np.ndarray, "some height width"]:
    """Some of the images, from 0 to 1."""
    some = images[:: math.ceil(len(images) / LOOKED_AT)]
    return some.mean(axis=3, dtype=np.float32) / (255 if images.dtype == np.uint8 else 1)


def _border(grey: Float32[np.ndarray, "some height width"]) -> float:
    """The median of the outermost pixels."""
    return float(np.median(np.concatenate([grey[:, [0, -1]].ravel(), grey[:, :, [0, -1]].ravel()])))


def _unframed(images: Images) -> UInt8[np.ndarray, "n h w channel"] | Float[np.ndarray, "n h w channel"]:
    """The images without an even frame around most of each, such as the margin of a scanned photograph.

    It would make one dark blob of a dark photograph. What is inside a frame reaches it all around; around objects on a
    background there is more of that.
    """
    grey = _grey(images)
    level = _border(grey)
    inside = (np.abs(grey - level) > EVEN).any(axis=0)
    rows, columns = np.flatnonzero(inside.any(axis=-1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size or (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) < inside.size / 2:
        return images
    inner = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return images[inner] if abs(_border(grey[inner]) - level) > NEAR else images


def _background(images: Images) -> float:
    """What an even background tells: 1 if it is black all over, -1 if it is white, 0 if there is none."""
    grey = _grey(images)
    level = _border(grey)
    above = np.round(grey - level, 5)  # so that an image and its negative agree on what is near
    darker, brighter = float(np.mean(above < -NEAR)), float(np.mean(above > NEAR))
    contradicted = brighter > darker if level > 0.5 else darker > brighter
    return 0.0 if contradicted else max(0.0, 1 - 2 * (darker + brighter)) * (1 - 2 * level)


def _blobs(images: Images) -> float:
    """The strength of bright blobs less that of dark ones, over their sum; an image counts by the root of its own."""
    signed = weight = 0.0
    for window in _windows(images):
        bright, dark = _strengths(window)
        if bright + dark > FAINT:
            root = math.sqrt(bright + dark)
            signed, weight = signed + root * (bright - dark) / (bright + dark), weight + root
    return signed / weight if weight else 0.0


def _windows(images: Images) -> Iterator[Float32[np.ndarray, "channel h w"]]:
    """Windows of the images, evenly spread over them, from 0 to 1."""
    n, height, width, channels = images.shape
    high, wide = min(height, WINDOW), min(width, WINDOW)
    rows, columns = height // high, width // wide
    total, most = n * rows * columns, max(1, WINDOWS_PIXELS // (high * wide * channels))
    for number in range(0, total, math.ceil(total / most)):
        image, row, column = np.unravel_index(number, (n, rows, columns))
        y, x = (height - rows * high) // 2 + row * high, (width - columns * wide) // 2 + column * wide
        pixels = np.moveaxis(images[image, y : y + high, x : x + wide].astype(np.float32), 2, 0)
        yield pixels / 255 if images.dtype == np.uint8 else pixels


def _strengths(window: Float32[np.ndarray, "channel h w"]) -> tuple[float, float]:
    """Of bright and of dark blobs: the mean determinant of the Hessian where it is positive, over scales."""
    window = window - window.mean(axis=(1, 2), keepdims=True)  # or rounding would grow with the level
    bright = dark = 0.0
    scales: tuple[float, ...] = (1.0, math.sqrt(2), 2.0)
    while True:
        for scale in scales:
            if scale > 1 and 8 * scale > min(window.shape[1:]):
                return bright, dark
            sizes: Any = (0, scale, scale)
            orders: list[Any] = [(0, 2, 0), (0, 0, 2), (0, 1, 1)]
            yy, xx, yx = (scale**2 * ndimage.gaussian_filter(window, sizes, order=order) for order in orders)
            strength = np.maximum(xx * yy - yx**2, 0)
            up = xx + yy < 0
            bright += float(strength[up].sum()) / strength.size
            dark += float(strength[~up].sum()) / strength.size
        scales = (math.sqrt(2), 2.0)  # 1 is what 2 was before each 2x2 pixels became one
        height, width = (side // 2 * 2 for side in window.shape[1:])
        window = window[:, :height, :width].reshape(-1, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
