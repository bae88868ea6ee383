"""Objects of no image in particular: discs, ellipses, rods, polygons and amoebas, flat, domed, rimmed or textured."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from attend.dreams.cutouts import SIDE, WIDTH, CutOuts

FAMILY = 8
"""So many objects that follow one another are of one kind, as those of one image are."""

PROFILES = {"flat": 0.38, "dome": 0.25, "spot": 0.12, "rim": 0.12, "hole": 0.03, "slope": 0.1}
"""How bright objects are from the middle to the outline, and how many families are so."""


def draw_shapes(rng: np.random.Generator, families: int) -> CutOuts:
    """`families` times `FAMILY` objects; of each family the outlines, the profile and the texture are alike."""
    parts = [_family(rng) for _ in range(families)]
    value, alpha, depth = (np.concatenate([part[i] for part in parts]) for i in range(3))
    n = len(value)
    return CutOuts(value, alpha, depth, np.full(n, WIDTH, np.float32), np.ones(n, np.float32))


def _family(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    usual = rng.random() < 0.82
    length = abs(rng.normal(0, 0.3)) if usual else rng.uniform(np.log(1.5), np.log(4.5))
    wobble = rng.choice([0.0, 0.05, 0.12, 0.22], p=[0.25, 0.35, 0.25, 0.15])
    corners = int(rng.integers(3, 7)) if rng.random() < 0.1 else 0
    softness = rng.uniform(0.04, 0.25) if rng.random() < 0.85 else rng.uniform(0.25, 0.8)
    profile = str(rng.choice(list(PROFILES), p=list(PROFILES.values())))
    shape = rng.uniform(size=2)
    grain, strength = rng.uniform(0.8, 3.5), rng.choice([0, 0.1, 0.25, 0.45], p=[0.3, 0.3, 0.25, 0.15])
    spotted = rng.random() < 0.1
    members = []
    for _ in range(FAMILY):
        radius = _outline(rng, np.exp(abs(length + rng.normal(0, 0.15))), wobble, corners)
        alpha = np.clip((1 - radius) / softness + 0.5, 0, 1)
        value = _profile(rng, profile, radius, shape)
        texture = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), grain)
        value = value * (1 + strength * texture / texture.std())
        if spotted:
            value = value + _spots(rng)
        value = value / max(value[alpha > 0.5].mean(), 1e-3)
        members.append((value, alpha, np.clip(1 - radius, 0, 1)))
    value, alpha, depth = (np.stack(arrays).astype(np.float32) for arrays in zip(*members, strict=True))
    return value, alpha, depth


def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns from the middle, in pixels."""
    line = np.arange(SIDE) - (SIDE - 1) / 2
    rows, columns = np.meshgrid(line, line, indexing="ij")
    return rows, columns


def _outline(rng: np.random.Generator, ratio: float, wobble: float, corners: int) -> Float[np.ndarray, "side side"]:
    """The distance of each pixel from the middle, where the outline is at 1 and has the area of a disc of `WIDTH`."""
    y, x = _grid()
    y, x = y * np.sqrt(ratio), x / np.sqrt(ratio)
    angle, radius = np.arctan2(y, x), np.hypot(y, x)
    edge = np.ones_like(angle)
    for k in range(2, 6):
        edge += wobble / (k - 1) * rng.normal() * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    if corners:
        edge *= 1.1 * np.cos(np.pi / corners) / np.cos(angle % (2 * np.pi / corners) - np.pi / corners)
    radius = radius / (WIDTH / 2 * np.maximum(edge, 0.4))
    return radius * np.sqrt((radius < 1).sum() / (np.pi * (WIDTH / 2) ** 2))


def _profile(rng: np.random.Generator, kind: str, radius: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Brightness by the distance from the middle."""
    within = np.clip(radius, 0, 1.2)
    if kind == "dome":
        return 0.25 + np.sqrt(np.clip(1 - within**2, 0, 1))
    if kind == "spot":
        return np.exp(-1.6 * within**2) + 0.15
    if kind == "rim":
        return 0.2 + 0.6 * shape[0] + np.exp(-(((within - 0.7 - 0.2 * shape[1]) / 0.18) ** 2))
    if kind == "hole":
        return 1 - (0.5 + 0.7 * shape[0]) * np.exp(-((within / (0.3 + 0.3 * shape[1])) ** 2))
    if kind == "slope":
        y, x = _grid()
        angle = rng.uniform(0, 2 * np.pi)
        return 1 + (0.2 + 0.4 * shape[0]) * (np.cos(angle) * x + np.sin(angle) * y) / (WIDTH / 2)
    return np.ones_like(within)


def _spots(rng: np.random.Generator) -> np.ndarray:
    y, x = _grid()
    spots = np.zeros_like(x)
    for _ in range(rng.integers(1, 4)):
        row, column = rng.uniform(-6, 6, 2)
        distance = (y - row) ** 2 + (x - column) ** 2
        spots += rng.uniform(-0.5, 0.8) * np.exp(-distance / (2 * rng.uniform(1, 2.5) ** 2))
    return spots
