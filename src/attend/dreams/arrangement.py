"""The scene prior of a field: how many objects there are, how large, how bright, how close, and how they overlap."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Overlap = Literal["hide", "brighter", "add"]


@dataclass(frozen=True)
class Arrangement:
    """What the objects of one dream have in common.

    Attributes:
        density: expected number of objects per `AREA` pixels (Poisson).
        size: median of their diameters, in terms of the usual one.
        size_sd: standard deviation of the logarithm of the diameter.
        contrast_sd: standard deviation of the logarithm of the contrast.
        touching: share of the objects that are put beside an earlier one.
        gaps: least and largest distance of two such, in terms of their mean diameter; below 1 they overlap.
        alike: share of those that have the contrast of their neighbour.
        apart: least distance of any two, as far as there is room, in terms of that at which they touch; for this they
            are taken to be ellipses.
        overlap: an object hides what is behind it, the brighter one shows, or both add up.
        own: whether diameter and contrast are those of the cut-out itself, varied a little.
    """

    density: float
    size: float = 1.0
    size_sd: float = 0.2
    contrast_sd: float = 0.3
    touching: float = 0.3
    gaps: tuple[float, float] = (0.6, 1.1)
    alike: float = 0.0
    apart: float = 0.0
    overlap: Overlap = "hide"
    own: bool = False


AREA = 96 * 96
"""Pixels that densities refer to."""

OVERLAPS: tuple[Overlap, ...] = ("hide", "brighter", "add")


def any_arrangement(rng: np.random.Generator) -> Arrangement:
    """One drawn from all that images of repeated things are like: sparse to crowded, alike to varied."""
    size = float(np.exp(rng.uniform(-0.45, 0.5)))
    density = 0.0 if rng.random() < 0.06 else float(np.exp(rng.uniform(np.log(2), np.log(45))) / size**2)
    return Arrangement(
        density=density,
        size=size,
        size_sd=rng.uniform(0.03, 0.45),
        contrast_sd=rng.uniform(0, 0.9) * (1 if rng.random() < 0.5 else 0.4),
        touching=rng.uniform(0, 0.8),
        gaps=(rng.uniform(0.45, 0.9), rng.uniform(0.95, 1.2)),
        alike=0.7 * rng.integers(2),
        overlap=OVERLAPS[rng.integers(3)],
    )
