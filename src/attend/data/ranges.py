"""From 16-bit and floating-point pixels to the 8 bits of a scene."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped, UInt8

PERCENTILES = (0.1, 99.9)
"""What becomes black and white: few enough pixels lie beyond to lose nothing, and hot or dead ones do not count."""

SAMPLED = 10_000_000
"""Pixels from which the percentiles are taken, in equal shares from every image; all of them if there are fewer."""


def robust_range(images: Sequence[Shaped[np.ndarray, "..."]]) -> tuple[float, float]:
    """The 0.1th and the 99.9th percentile of the pixels of all images, or their extremes where those are equal."""
    rng = np.random.default_rng(0)
    share = max(1, SAMPLED // len(images))
    pixels = [image.ravel() if image.size <= share else rng.choice(image.ravel(), share) for image in images]
    sample = np.concatenate(pixels).astype(np.float64)
    low, high = np.percentile(sample, PERCENTILES)
    if low == high:
        low, high = sample.min(), sample.max()
    return float(low), float(high)


def to_bytes(image: Shaped[np.ndarray, "*shape"], bounds: tuple[float, float]) -> UInt8[np.ndarray, "*shape"]:
    """`image` with the first of the bounds as 0 and the second as 255; what lies beyond is cut to them.

    Where the bounds are equal, so are all pixels, and they become 0.
    """
    low, high = bounds
    unit = (image.astype(np.float64) - low) / (high - low if high > low else 1)
    return np.round(255 * np.clip(unit, 0, 1)).astype(np.uint8)
