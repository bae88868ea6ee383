"""What the images of one kind have in common, and what an image looks like in its natural units."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from attend.photometry import seen

Image = Float[np.ndarray, "_rows _columns _channels"] | UInt8[np.ndarray, "_rows _columns _channels"]
Plane = Float[np.ndarray, "_rows _columns"]


@dataclass(frozen=True)
class Kind:
    """A kind of images.

    Attributes:
        foreground: the name of what tells objects from the background, of `foregrounds`.
        diameter: the equivalent diameter at which q looks for the usual object, in pixels of the files.
        usual: that of the usual object which q then finds, in terms of it: where objects have texture, such as the
            nuclei of a stained smear, q sees them best when they seem smaller.
    """

    foreground: str
    diameter: float
    usual: float = 1.0


@dataclass(frozen=True)
class Natural:
    """An image, or a part of one, in natural units.

    Attributes:
        contrast: with the background; that of the usual object is 1, and its diameter `NATURAL` pixels.
        spread: of the background, in the same unit.
        size: rows and columns in pixels of the file.
    """

    contrast: Float[np.ndarray, "rows columns"]
    spread: float
    size: tuple[float, float]

    @property
    def seen(self) -> Float[np.ndarray, "rows columns 2"]:
        """What q sees of it."""
        return seen(self.contrast, self.spread)

    @property
    def step(self) -> Float[np.ndarray, "2"]:
        """Rows and columns of the file for each of the natural image."""
        return np.array(self.size) / np.array(self.contrast.shape)


def in_unit(pixels: Float[np.ndarray, "*sides"] | UInt8[np.ndarray, "*sides"]) -> Float[np.ndarray, "*sides"]:
    """The same pixels in [0, 1]."""
    return pixels.astype(np.float32) / 255 if pixels.dtype == np.uint8 else pixels
