"""Dreams: objects put one after another before a background (ancestral sampling from p of a field)."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from attend.dreams.arrangement import AREA, Arrangement
from attend.dreams.cutouts import CutOuts, turned_spread
from attend.dreams.ellipses import radii
from attend.photometry import NATURAL

LEAST, MOST = 4.5, 44.0
"""Diameters of objects, in pixels."""

MARGIN = 40
"""Pixels around a dream in which objects may lie that are partly seen."""

BEYOND = 4.0
"""Pixels by which the middle of an object may lie outside."""

TRIES = 20
"""Times that place and turn are drawn for an object, if the first ones are too close to others."""

CROWD = 60
"""Objects in `AREA` pixels, at most."""


class Dream(NamedTuple):
    """An image and the truth about it.

    Attributes:
        image: the contrast of each pixel with the background.
        owner: whose pixel it is: 0 for the background, else the number of an object, from 1.
        areas: pixels that each object would have if nothing hid it; the first, of the background, is 0.
        middles: row and column of each object, of those as well that others hide.
    """

    image: Float[np.ndarray, "side side"]
    owner: Int[np.ndarray, "side side"]
    areas: Float[np.ndarray, " n1"]
    middles: Float[np.ndarray, "n 2"]


def compose(
    rng: np.random.Generator, cutouts: CutOuts, arrangement: Arrangement, background: Float[np.ndarray, "side side"]
) -> Dream:
    """Draw a dream.

    Where objects overlap, a pixel belongs to the one that hides the other or, if none does, to the one that is deeper
    there: two discs are parted by the straight line through the points where their outlines meet.

    Args:
        rng: draws everything.
        cutouts: what objects look like.
        arrangement: how many there are, how large, and how close.
        background: what is behind them.
    """
    side = len(background)
    n = min(rng.poisson(arrangement.density * side**2 / AREA), CROWD * side**2 // AREA)
    kinds = rng.integers(len(cutouts), size=n)
    scatter = rng.normal(size=(2, n))
    if arrangement.own:
        diameters = cutouts.diameters[kinds] * np.exp(arrangement.size_sd * scatter[0])
        contrasts = cutouts.contrasts[kinds] * np.exp(arrangement.contrast_sd * scatter[1])
    else:
        diameters = NATURAL * arrangement.size * np.exp(arrangement.size_sd * scatter[0])
        contrasts = np.exp(arrangement.contrast_sd * scatter[1].clip(-2.5, 2.5))
    diameters = diameters.clip(LEAST, MOST)
    places, spreads = np.zeros((n, 2)), np.zeros((n, 2, 2))
    shapes = cutouts.spreads(kinds) if arrangement.apart else spreads
    canvas = _Canvas(background, arrangement.overlap)
    areas = [0.0]
    for k in range(n):
        own, angle, mirrored = contrasts[k], 0.0, False
        for _ in range(TRIES):
            places[k], neighbour = _place(rng, arrangement, places[:k], diameters[: k + 1], side)
            if neighbour is not None and rng.random() < arrangement.alike:
                contrasts[k] = contrasts[neighbour] * np.exp(0.15 * rng.normal())
            else:
                contrasts[k] = own
            angle, mirrored = rng.uniform(0, 2 * np.pi), bool(rng.integers(2))
            if not arrangement.apart:
                break
            spreads[k] = turned_spread(shapes[k], diameters[k], angle, mirrored)
            if _apart(places[: k + 1], spreads[: k + 1], arrangement.apart):
                break
        middle = np.round(places[k]).astype(int)
        value, alpha, depth, *glow = cutouts.turned(int(kinds[k]), diameters[k], angle, mirrored, places[k] - middle)
        if glow:
            canvas.shine(middle, contrasts[k] * glow[0])
        areas.append(canvas.put(k + 1, middle, contrasts[k] * value, alpha, depth))
    within = slice(MARGIN, MARGIN + side)
    return Dream(canvas.image[within, within], canvas.owner[within, within], np.array(areas), places)


def _place(
    rng: np.random.Generator, arrangement: Arrangement, places: np.ndarray, diameters: np.ndarray, side: int
) -> tuple[np.ndarray, int | None]:
    """Where the next object may lie, and the one beside which it does, if any. The last diameter is its own."""
    place, n = rng.uniform(-BEYOND, side + BEYOND, 2), len(places)
    if not n or rng.random() >= arrangement.touching:
        return place, None
    neighbour, angle = int(rng.integers(n)), rng.uniform(0, 2 * np.pi)
    distance = rng.uniform(*arrangement.gaps) * (diameters[-1] + diameters[neighbour]) / 2
    beside = places[neighbour] + distance * np.array([np.sin(angle), np.cos(angle)])
    inside = (beside > -BEYOND).all() and (beside < side + BEYOND).all()
    return (beside if inside else place), neighbour


def _apart(places: np.ndarray, spreads: np.ndarray, least: float) -> bool:
    """Whether the last object keeps a distance from all others, in terms of that at which two ellipses touch."""
    off = places[:-1] - places[-1]
    between = np.hypot(*off.T)
    towards = off / np.maximum(between, 1e-9)[:, None]
    return bool((between >= least * (radii(spreads[:-1], towards) + radii(spreads[-1], towards))).all())


class _Canvas:
    """The image so far, whose each pixel is, and how deep inside."""

    def __init__(self, background: np.ndarray, overlap: str):
        self.image = np.pad(background, MARGIN, mode="edge")
        self.owner = np.zeros(self.image.shape, np.int32)
        self.depth = np.zeros(self.image.shape, np.float32)
        self.overlap = overlap

    def _part(self, middle: np.ndarray, side: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Which pixels a window of that side covers, and which of the window's are on the canvas."""
        first = middle + MARGIN - side // 2
        cut = tuple(slice(max(0, -low), side - max(0, low + side - len(self.image))) for low in first)
        return tuple(slice(low + one.start, low + one.stop) for low, one in zip(first, cut, strict=True)), cut

    def shine(self, middle: np.ndarray, glow: np.ndarray) -> None:
        """Add light."""
        part, cut = self._part(middle, len(glow))
        self.image[part] += glow[cut]

    def put(self, number: int, middle: np.ndarray, value: np.ndarray, alpha: np.ndarray, depth: np.ndarray) -> float:
        """Put an object there; the number of its pixels."""
        part, cut = self._part(middle, len(value))
        value, alpha, depth = value[cut], alpha[cut], depth[cut]
        behind = self.image[part]
        if self.overlap == "hide":
            self.image[part] = behind * (1 - alpha) + alpha * value
        elif self.overlap == "brighter":
            self.image[part] = np.maximum(behind, alpha * value + (1 - alpha) * np.minimum(behind, 0))
        else:
            self.image[part] = behind + alpha * value
        taken = alpha > 0.5
        area = float(taken.sum())
        if self.overlap != "hide":
            taken &= depth > self.depth[part]
        self.owner[part][taken] = number
        self.depth[part][taken] = depth[taken]
        return area
