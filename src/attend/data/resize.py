"""Resizing as a matrix product, smooth both ways."""

import numpy as np
from jaxtyping import Float64

FIXED_POINT = 2**16
"""Weights are whole multiples of 1/FIXED_POINT.

Products of such weights and bytes are exact in float64, so that a resized image is the same bit for bit on
every machine, whatever order its matrix product sums in.
"""


def resize_matrix(size_in: int, size_out: int) -> Float64[np.ndarray, "size_out size_in"]:
    """Weights that resize one axis: `rows @ image @ columns.T` resizes an image.

    Bilinear when enlarging; when shrinking, the triangle widens with the step so that no pixel is skipped
    (antialiasing). Each row sums to 1.

    Args:
        size_in: pixels before.
        size_out: pixels after.
    """
    step = size_in / size_out
    centres = (np.arange(size_out)[:, None] + 0.5) * step - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(size_in) - centres) / max(step, 1))
    return np.round(weights / weights.sum(axis=1, keepdims=True) * FIXED_POINT) / FIXED_POINT
