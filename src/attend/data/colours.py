"""Images in colour for a model of grey ones, and the other way round."""

import numpy as np
from jaxtyping import Float32, UInt8

RED, GREEN, BLUE = 299, 587, 114
"""What each colour adds to the luminance, in thousandths (ITU-R BT.601, the rule of JPEG and of Pillow's mode L)."""


LUMINANCE = np.array([RED, GREEN, BLUE], np.float32) / np.float32(1000)
"""The same of numbers in [0, 1]."""


def to_channels(
    images: UInt8[np.ndarray, "n h w c"] | Float32[np.ndarray, "n h w c"], channels: int
) -> tuple[UInt8[np.ndarray, "n h w {channels}"] | Float32[np.ndarray, "n h w {channels}"], str | None]:
    """Images in `channels` channels, 1 or 3, and a line on what was done, if anything.

    Colours become their luminance by Rec. 601, of the values as they are stored: 0.299 red + 0.587 green + 0.114 blue,
    of 8-bit images rounded to 8 bits. A grey value is repeated in three channels.
    """
    found = images.shape[3]
    if found == channels:
        return images, None
    if channels == 3:
        return images.repeat(3, axis=3), "grey images for a model of images in colour: grey is repeated in each channel"
    said = "images in colour for a model of grey ones: their luminance is taken (Rec. 601)"
    if images.dtype == np.uint8:
        wide = images.astype(np.uint32) @ np.array([RED, GREEN, BLUE], np.uint32)
        return ((wide + 500) // 1000).astype(np.uint8)[..., None], said
    return (images @ np.array([RED, GREEN, BLUE], np.float32) / np.float32(1000))[..., None], said
