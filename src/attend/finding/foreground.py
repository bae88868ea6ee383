"""What tells objects from the background: ways to look at the colour of a pixel, each so that objects are bright."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Shaped

from attend.data.colours import LUMINANCE
from attend.registry import Registry

Plane = Float[np.ndarray, "rows columns"]
Colour = Shaped[np.ndarray, "rows columns _channels"]

foregrounds: Registry[Callable[[Colour], Plane]] = Registry("foreground")
"""Ways to look at an image in [0, 1] of one channel or three, by name."""

COLOURED = ("stain", "saturation", "not red", "not blue")
"""Those that only an image in colour has."""


def possible(image: Colour) -> list[str]:
    """The names of those that make sense for an image: of a grey one its two polarities."""
    coloured = len(lit(image)) > 1
    return [name for name in foregrounds if coloured or name not in COLOURED]


def lit(image: Colour) -> list[int]:
    """The channels that hold something; of one channel, that."""
    if image.shape[2] == 1:
        return [0]
    return np.flatnonzero(image.max(axis=(0, 1)) > image.min(axis=(0, 1))).tolist()


def without_dark_channels(image: Colour) -> Colour:
    """The one channel alone that holds something, if it is one."""
    channels = lit(image)
    return image[..., channels] if len(channels) == 1 else image


@foregrounds.register("bright")
def bright(image: Colour) -> Plane:
    """Luminance."""
    return image[..., 0] if image.shape[2] == 1 else image @ LUMINANCE


@foregrounds.register("dark")
def dark(image: Colour) -> Plane:
    """The opposite."""
    return -bright(image)


@foregrounds.register("stain")
def stain(image: Colour) -> Plane:
    """Haematoxylin, by the colour deconvolution of Ruifrok and Johnston (2001)."""
    from skimage.color import rgb2hed  # slow to import

    return rgb2hed(image)[..., 0].astype(np.float32)


@foregrounds.register("saturation")
def saturation(image: Colour) -> Plane:
    """The largest channel less the smallest."""
    return image.max(axis=2) - image.min(axis=2)


@foregrounds.register("not red")
def not_red(image: Colour) -> Plane:
    """What takes red out of white light."""
    return -image[..., 0]


@foregrounds.register("not blue")
def not_blue(image: Colour) -> Plane:
    """What takes blue out of white light."""
    return -image[..., 2]
