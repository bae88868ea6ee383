"""The part of a picture that becomes an image: all of it resampled, its centre, or one tile after another."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped
from PIL import Image

from attend.data.rules import Rules
from attend.errors import AttendError


class Part(NamedTuple):
    """An image, and which part of the picture it shows: x0, y0, width and height in pixels of the picture."""

    pixels: Shaped[np.ndarray, "height width channel"]
    view: tuple[int, int, int, int]


def parts(picture: Shaped[np.ndarray, "height width channel"], rules: Rules) -> Iterator[Part]:
    """What the rules make of a picture: one image, or with `tile` at least one.

    Raises:
        AttendError: the picture is smaller than `crop` or `tile`; the line does not say which picture.
    """
    height, width = picture.shape[:2]
    if rules.resize is not None:
        yield Part(_resampled(picture, *rules.resize), (0, 0, width, height))
        return
    name, (high, wide) = next(
        ((name, size) for name in ("crop", "tile") if (size := getattr(rules, name)) is not None),
        ("", (height, width)),
    )
    if height < high or width < wide:
        raise AttendError(
            f"is {height}x{width} (height x width), smaller than --{name} {high} {wide}; give a smaller one"
        )
    if name == "tile":
        corners = [(y, x) for y in range(0, height - high + 1, high) for x in range(0, width - wide + 1, wide)]
    else:
        corners = [((height - high) // 2, (width - wide) // 2)]
    for y, x in corners:
        yield Part(picture[y : y + high, x : x + wide], (x, y, wide, high))


def _resampled(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, over a wider neighbourhood when shrinking, so that no pixel is skipped; the dtype stays."""
    if picture.shape[:2] == (height, width):
        return picture
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR))
        for channel in np.moveaxis(picture.astype(np.float32), 2, 0)
    ]
    resampled = np.stack(channels, axis=2)
    return resampled if picture.dtype.kind == "f" else np.round(resampled).astype(picture.dtype)
