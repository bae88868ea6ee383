"""Are the objects dark on light ground, as ink on paper, rather than bright on dark?"""

import math

import numpy as np
from jaxtyping import Float, UInt8

NEAR = 0.2
"""A pixel belongs to the ground if it is no further than this from it, where black is 0 and white is 1."""

LOOKED_AT = 1000
"""Images that are looked at, evenly spread over all there are."""


def light_ground(
    images: UInt8[np.ndarray, "n height width channel"] | Float[np.ndarray, "n height width channel"],
) -> bool:
    """Whether images show dark things on light ground.

    The ground is what the borders of the images show: the median of their outermost pixels, over all images. It is
    light if that is in the upper half of the range, if more than half of all pixels are near it, so that photographs
    that happen to be bright at the border are left alone, and if of the other pixels no more are brighter than darker.

    Args:
        images: at least one; uint8, or float in [0, 1]. Of colours the mean of the channels counts.
    """
    some = images[:: math.ceil(len(images) / LOOKED_AT)]
    grey = some.mean(axis=3, dtype=np.float32) / (255 if images.dtype == np.uint8 else 1)
    border = np.concatenate([grey[:, [0, -1]].ravel(), grey[:, :, [0, -1]].ravel()])
    ground = float(np.median(border))
    darker, brighter = np.mean(grey < ground - NEAR), np.mean(grey > ground + NEAR)
    return bool(ground > 0.5 > darker + brighter and darker >= brighter)
