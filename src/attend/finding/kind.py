"""What the images of one kind have in common, and what an image looks like in its natural units."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attend.finding.foreground import foregrounds
from attend.photometry import NATURAL, background, resample, seen, usual_contrast

Image = Float[np.ndarray, "_rows _columns _channels"]
Plane = Float[np.ndarray, "_rows _columns"]


@dataclass(frozen=True)
class Kind:
    """A kind of images.

    Attributes:
        foreground: the name of what tells objects from the background, of `foregrounds`.
        diameter: the equivalent diameter of the usual object, in pixels of the files.
    """

    foreground: str
    diameter: float


@dataclass(frozen=True)
class Natural:
    """An image in natural units.

    Attributes:
        contrast: with the background; that of the usual object is 1, and its diameter `NATURAL` pixels.
        spread: of the background, in the same unit.
        size: rows and columns of the image in its file.
    """

    contrast: Float[np.ndarray, "rows columns"]
    spread: float
    size: tuple[int, int]

    @property
    def seen(self) -> Float[np.ndarray, "rows columns 2"]:
        """What q sees of it."""
        return seen(self.contrast, self.spread)

    @property
    def step(self) -> Float[np.ndarray, "2"]:
        """Rows and columns of the file for each of the natural image."""
        return np.array(self.size) / np.array(self.contrast.shape)


def natural(image: Image, kind: Kind) -> Natural:
    """An image, in [0, 1], in the natural units of its kind.

    Each image has a background, a spread and a usual contrast of its own.
    """
    plane = foregrounds[kind.foreground](image)
    around, spread = background(plane, kind.diameter)
    contrast = resample(plane - around, NATURAL / kind.diameter)
    unit = usual_contrast(contrast, spread)
    return Natural((contrast / unit).astype(np.float32), spread / unit, plane.shape)
