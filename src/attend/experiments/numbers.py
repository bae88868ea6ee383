"""Numbers as text, and a few that several experiments need."""

import statistics
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def spread(values: Sequence[float | None], form: str = "{:.1%}") -> str:
    """A single value; of several the median, and the smallest and largest in brackets. None is what is not known."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    middle = form.format(statistics.median(known))
    return middle if len(known) == 1 else f"{middle} ({form.format(min(known))} to {form.format(max(known))})"


def spreads(results: Sequence[tuple[float | None, ...]], forms: Sequence[str]) -> list[str]:
    """The `spread` over several results of each of their numbers, each in its own form."""
    return [spread(values, form) for values, form in zip(zip(*results, strict=True), forms, strict=True)]


def mse(images: Float[np.ndarray, "n h w c"], reconstructions: Float[np.ndarray, "n h w c"]) -> float:
    """The mean squared error a pixel, both in [0, 1]."""
    return float(np.mean((images - reconstructions) ** 2, dtype=float))
