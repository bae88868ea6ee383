"""What varies an image from epoch to epoch: random crops and flips."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Shaped

from attend.errors import AttendError

FLIPS = {"horizontal": (1,), "vertical": (0,), "both": (0, 1)}
"""Axes of rows (0) and columns (1) whose order is turned round at random, by name."""


@no_type_check  # the checks below say more, in one line
@dataclass(frozen=True)
class Augment:
    """Random changes of an image.

    Attributes:
        random_crop: height and width in pixels of the part that is cut out, anywhere in the image.
        flip: `horizontal`, `vertical` or `both`: mirrored with a chance of a half, in each of these directions.

    Raises:
        AttendError: a size is below 1, or there is no such flip.
    """

    random_crop: tuple[int, int] | None = None
    flip: str | None = None

    def __post_init__(self):
        """Check both."""
        if self.random_crop is not None:
            object.__setattr__(self, "random_crop", tuple(int(side) for side in self.random_crop))
            if len(self.random_crop) != 2 or min(self.random_crop) < 1:
                told = " ".join(map(str, self.random_crop))
                raise AttendError(f"random_crop: is {told}; it must be height and width, 1 or more")
        if self.flip is not None and self.flip not in FLIPS:
            raise AttendError(f"flip: is {self.flip!r}; it must be one of {', '.join(FLIPS)}")

    def __call__(
        self, pixels: Shaped[np.ndarray, "_height _width channel"], rng: np.random.Generator
    ) -> Shaped[np.ndarray, "_h _w channel"]:
        """An image as `rng` will have it.

        Raises:
            AttendError: it is smaller than the crop; the line does not say which image.
        """
        if self.random_crop is not None:
            (height, width), (high, wide) = pixels.shape[:2], self.random_crop
            if height < high or width < wide:
                raise AttendError(f"is {height}x{width} (height x width), smaller than --random-crop {high} {wide}")
            y, x = rng.integers(height - high + 1), rng.integers(width - wide + 1)
            pixels = pixels[y : y + high, x : x + wide]
        axes = () if self.flip is None else FLIPS[self.flip]
        return np.flip(pixels, tuple(axis for axis in axes if rng.integers(2)))

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> "Augment":
        """The inverse of `to_dict`.

        Raises:
            AttendError: the values are none.
        """
        if not isinstance(values, Mapping) or {*values} != {"random_crop", "flip"}:
            raise AttendError("stream: must have random_crop and flip")
        try:
            return cls(values["random_crop"], values["flip"])
        except (TypeError, ValueError) as error:
            raise AttendError(f"stream: is damaged ({error})") from error
