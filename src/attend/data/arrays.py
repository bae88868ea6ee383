"""Arrays as images: which axis is what, by their shape alone."""

import numpy as np
from jaxtyping import Shaped

from attend.errors import AttendError

COLOUR = (1, 3, 4)
"""How many channels a picture may have: grey, RGB, RGB with alpha."""

SHORTEST = 5
"""An image has no side below this, if an axis could as well be that of the channels."""

SHAPES = "(n, height, width) or (n, height, width, 1 or 3)"


def as_stack(
    array: Shaped[np.ndarray, "..."], size: tuple[int, int, int] | None = None
) -> tuple[Shaped[np.ndarray, "n h w c"], str | None]:
    """Images by their axes, and a line on what was concluded if they are not of `SHAPES`.

    Two axes are one grey image. Three are n grey images, or one image if the last axis has 1, 3 or 4 entries and the
    others more than that. Four are n images with their channels on the last axis or else on the second.

    Args:
        array: of any type. A fourth channel is alpha and fades to black.
        size: height, width and channels of the images that are wanted, if known; what has it is one image.

    Raises:
        AttendError: there is no such reading of the axes, or there are two of them.
    """
    shape, said = array.shape, None
    one_image = "images: shape is {} and is taken for one image{}"
    if array.ndim == 2 and shape != (0, 0):
        array, said = array[None, ..., None], one_image.format(shape, "")
    elif array.ndim == 3:
        last = shape[2] in COLOUR and min(shape[:2]) >= SHORTEST
        if shape == size or (last and (size is None or shape[1:] != size[:2])):
            array, said = array[None], one_image.format(shape, " with its channels on the last axis")
        elif size is not None and shape[0] == size[2] > 1 and shape[1:] == size[:2]:
            raise AttendError(
                f"images: shape {shape} may be one image of {size[2]} channels or {shape[0]} grey images; give "
                "numpy.moveaxis(images, 0, -1)[None] or images[..., None]"
            )
        else:
            array = array[..., None]
    elif array.ndim == 4 and shape[3] not in COLOUR and shape[1] in COLOUR:
        array, said = np.moveaxis(array, 1, -1), f"images: shape is {shape}: the second axis is taken for the channels"
    if array.ndim != 4 or array.shape[3] not in COLOUR:
        channels = f"; give one channel, such as images[..., [0]], of the {shape[3]}" if array.ndim == 4 else ""
        raise AttendError(f"images: shape is {shape}; it must be {SHAPES}{channels}")
    if array.shape[3] == 4:
        return _on_black(array), said or f"images: shape is {shape}: the fourth channel is alpha, on black"
    return array, said


def _on_black(array: np.ndarray) -> np.ndarray:
    """The colours, faded as their alpha says; of floats alpha is at most 1, or 255 if some of them are above 1."""
    colour, alpha = array[..., :3], array[..., 3:]
    if array.dtype.kind == "b":
        return colour & alpha
    if array.dtype.kind in "iu":
        return np.round(colour * (alpha / np.iinfo(array.dtype).max)).astype(array.dtype)
    return colour * (alpha / (1 if array.max(initial=0) <= 1 else 255))
