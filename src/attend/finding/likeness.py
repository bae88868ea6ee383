"""Whether dreams look like the images that they are made of: both side by side, in pictures and in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attend.finding.bank import DREAM, Scene
from attend.finding.kind import Natural

Planes = Float[np.ndarray, "n side side"]


@dataclass(frozen=True)
class Likeness:
    """Parts of images and dreams, as q sees them: the contrast, stretched, where the usual object is 1.

    Attributes:
        parts: of the images.
        dreams: scenes composed of the images' own parts.
    """

    parts: Planes
    dreams: Planes

    def numbers(self) -> dict[str, tuple[float, float]]:
        """Statistics of the parts and, second, of the dreams.

        `lit` is the share of pixels brighter than half of the usual object, `deviation` the standard deviation of all
        pixels, `sharpness` the mean difference of neighbours.
        """
        return {
            "lit": (_lit(self.parts), _lit(self.dreams)),
            "deviation": (float(self.parts.std()), float(self.dreams.std())),
            "sharpness": (_sharpness(self.parts), _sharpness(self.dreams)),
        }


def likeness(images: Sequence[Natural], dreams: Sequence[Scene], rng: np.random.Generator) -> Likeness:
    """As many parts of the images, at random places, as there are dreams."""
    parts = []
    for _ in dreams:
        seen = images[int(rng.integers(len(images)))].seen[..., 0]
        seen = np.pad(seen, [(0, max(0, DREAM - side)) for side in seen.shape], mode="symmetric")
        top, left = (rng.integers(side - DREAM + 1) for side in seen.shape)
        parts.append(seen[top : top + DREAM, left : left + DREAM])
    return Likeness(np.stack(parts), np.stack([one.image.seen[..., 0] for one in dreams]))


def _lit(planes: Planes) -> float:
    return float((planes > 0.5).mean())


def _sharpness(planes: Planes) -> float:
    return float(np.mean([np.abs(np.diff(planes, axis=axis)).mean() for axis in (1, 2)]))
