"""Numbers as text, and a few that several experiments need."""

import statistics
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def spread(values: Sequence[float], form: str = "{:.1%}") -> str:
    """A single value; of several the median, and the smallest and largest in brackets."""
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def mse(images: Float[np.ndarray, "n h w c"], reconstructions: Float[np.ndarray, "n h w c"]) -> float:
    """The mean squared error a pixel, both in [0, 1]."""
    return float(np.mean((images - reconstructions) ** 2, dtype=float))
