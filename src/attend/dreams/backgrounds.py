"""Backgrounds of no image in particular: uneven light, haze, texture, streaks, walls, specks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

Field = Float[np.ndarray, "side side"]


def any_background(rng: np.random.Generator, side: int) -> Field:
    """One drawn from all that is around objects; the contrast of the usual object would be 1."""
    background = np.zeros((side, side))
    for share, part in PARTS:
        if rng.random() < share:
            background += part(rng, side)
    return background


def any_texture(rng: np.random.Generator, side: int) -> Field:
    """A texture of contrast 1 and of many scales, as of an image that shows no separate objects at all."""
    scales = 2.0 ** rng.uniform(1, 6, rng.integers(1, 4))
    texture = np.sum([rng.uniform(0.3, 1) * _noise(rng, side, int(scale)) for scale in scales], axis=0)
    if rng.random() < 0.3:
        rows, columns = np.mgrid[:side, :side]
        angle, period = rng.uniform(0, 2 * np.pi), rng.uniform(6, 40)
        waves = np.sin(2 * np.pi * (np.cos(angle) * rows + np.sin(angle) * columns) / period)
        texture = texture + rng.uniform(0.3, 1.5) * waves
    return rng.uniform(0.3, 0.8) * texture


def _noise(rng: np.random.Generator, side: int, cells: int) -> Field:
    """Smooth noise of deviation about 1, of which `cells` independent values fit along a side."""
    stretched: Any = ndimage.zoom(rng.normal(size=(cells + 3, cells + 3)), side / cells, order=3)
    start = rng.integers(max(1, stretched.shape[0] - side - 1))
    return stretched[start : start + side, start : start + side]


def _uneven(rng: np.random.Generator, side: int) -> Field:
    return rng.uniform(0, 0.25) * _noise(rng, side, 3)


def _texture(rng: np.random.Generator, side: int) -> Field:
    return rng.uniform(0, 0.25) * _noise(rng, side, int(rng.choice([6, 10, 16])))


def _grain(rng: np.random.Generator, side: int) -> Field:
    return rng.uniform(0, 0.15) * _noise(rng, side, 28)


def _haze(rng: np.random.Generator, side: int) -> Field:
    return rng.uniform(0, 0.7) * np.maximum(_noise(rng, side, 6) - 0.8, 0)


def _streak(rng: np.random.Generator, side: int) -> Field:
    angle, line = rng.uniform(0, 2 * np.pi), np.arange(side) - side / 2
    distance = np.cos(angle) * line[:, None] + np.sin(angle) * line - rng.uniform(-40, 40)
    return rng.uniform(0.1, 0.8) * np.exp(-((distance / rng.uniform(1, 4)) ** 2))


def _region(rng: np.random.Generator, side: int) -> Field:
    """A part of another brightness, with an edge."""
    level = _noise(rng, side, int(rng.integers(2, 4))) - rng.uniform(-0.5, 0.5)
    return rng.uniform(-0.5, 0.6) * np.clip(level / rng.uniform(0.02, 0.3), 0, 1)


def _walls(rng: np.random.Generator, side: int) -> Field:
    """The thin bright walls of a honeycomb."""
    rows, columns = np.mgrid[:side, :side]
    y, x = rng.uniform(0, side, (2, rng.integers(6, 30)))
    distance = np.sort(np.hypot(rows[..., None] - y, columns[..., None] - x), axis=-1)
    return rng.uniform(0.1, 0.5) * np.exp(-(((distance[..., 1] - distance[..., 0]) / rng.uniform(1.5, 4)) ** 2))


def _specks(rng: np.random.Generator, side: int) -> Field:
    """Points too small to be objects."""
    specks = np.zeros((side, side))
    for _ in range(rng.integers(1, 12)):
        row, column = rng.integers(side, size=2)
        specks[row, column] += rng.uniform(2, 12)
    return ndimage.gaussian_filter(specks, 0.8)


PARTS: tuple[tuple[float, Callable[[np.random.Generator, int], Field]], ...] = (
    (0.6, _uneven),
    (0.5, _texture),
    (0.4, _grain),
    (0.4, _haze),
    (0.15, _streak),
    (0.15, _region),
    (0.15, _walls),
    (0.2, _specks),
)
"""What a background is made of, and how many have it."""
