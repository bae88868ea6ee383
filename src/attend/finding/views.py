"""An image of any size in its natural units, part by part, with the same light everywhere."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from attend.finding.foreground import foregrounds, without_dark_channels
from attend.finding.kind import Image, Kind, Natural, Plane, in_unit
from attend.photometry import (
    NATURAL,
    Part,
    background,
    enlarged_part,
    lower_sd,
    resampled_part,
    scaled,
    shrunken,
    spread_about,
    unevenness,
    usual_contrast,
)

MEASURED, PARTS = 512, 16
"""Spread and contrast are measured in so many parts, at most, of so many pixels along a side, evenly spread."""

BLOCK, SAMPLES, BELOW = 8, 128, 0.1
"""How much the spread differs is told for blocks of so many diameters along a side, from so many pixels along it, if
this share of them is darker than the background."""

STRIP = 2048
"""Rows of which the background is told at a time, about."""


@dataclass(frozen=True)
class View:
    """An image as one of a kind. Any part of it can be had in natural units.

    Attributes:
        image: in [0, 1], or in bytes.
        told: the same in the channels that objects are told from.
        kind: of it.
        around: its background, shrunken.
        spread: of that, in the unit of the image.
        uneven: by what the contrast is divided, shrunken, so that the spread is the same everywhere; None if it is.
        unit: the usual contrast, in that unit, after that.
    """

    image: Image
    told: Image
    kind: Kind
    around: Plane
    spread: float
    uneven: Plane | None
    unit: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns in natural pixels."""
        return scaled(self.image.shape[:2], NATURAL / self.kind.diameter)

    @property
    def step(self) -> np.ndarray:
        """Rows and columns of the file for each of the natural image."""
        return np.array(self.image.shape[:2]) / np.array(self.shape)

    def part(self, part: Part) -> Natural:
        """A part of it, of which rows and columns are natural ones."""
        contrast = _contrast(self.told, self.kind, self.around, self.uneven, part)
        rows, columns = np.array(contrast.shape) * self.step
        return Natural((contrast / self.unit).astype(np.float32), self.spread / self.unit, (rows, columns))

    @property
    def whole(self) -> Natural:
        """All of it."""
        return self.part(_whole(self.shape))


def view(image: Image, kind: Kind) -> View:
    """An image as one of a kind: it has a background, a spread and a usual contrast of its own.

    Args:
        image: in [0, 1], or in bytes.
        kind: of it.
    """
    told = without_dark_channels(image) if kind.foreground in ("bright", "dark") else image
    sides, step = image.shape[:2], max(1, int(kind.diameter / 4))
    coarse = np.concatenate(list(_strips(told, kind, step)))
    around, first = background(coarse, kind.diameter / step)
    parts = _some(sides)
    planes = [_plane(told, kind, part) for part in parts]
    spread = spread_about(planes, [enlarged_part(around, sides, part) for part in parts], first)
    some = _some(scaled(sides, NATURAL / kind.diameter))
    uneven = unevenness(_spreads(told, kind, around), spread)
    unit = usual_contrast([_contrast(told, kind, around, uneven, part) for part in some], spread)
    return View(image, told, kind, around, spread, uneven, unit)


def natural(image: Image, kind: Kind) -> Natural:
    """An image in the natural units of its kind."""
    return view(image, kind).whole


def _plane(image: Image, kind: Kind, part: Part) -> Plane:
    """A part of an image, in pixels of the file, in which objects are bright."""
    return foregrounds[kind.foreground](in_unit(image[part]))


def _spreads(image: Image, kind: Kind, around: Plane) -> Plane:
    """The spread of the background in each block of an image; 0 where too little of it is seen."""
    sides = image.shape[:2]
    cuts = [np.linspace(0, side, max(1, round(side / (BLOCK * kind.diameter))) + 1).astype(int) for side in sides]
    spreads = np.zeros([len(cut) - 1 for cut in cuts])
    for i, (top, bottom) in enumerate(itertools.pairwise(cuts[0])):
        for j, (left, right) in enumerate(itertools.pairwise(cuts[1])):
            block = slice(int(top), int(bottom)), slice(int(left), int(right))
            rows, columns = (slice(None, None, max(1, (one.stop - one.start) // SAMPLES)) for one in block)
            some = rows, columns
            off = _plane(image[block], kind, some) - enlarged_part(around, sides, block)[some]
            spreads[i, j] = lower_sd(off) if (off < 0).mean() > BELOW else 0.0
    return spreads


def _contrast(image: Image, kind: Kind, around: Plane, uneven: Plane | None, part: Part) -> Plane:
    """The contrast with the background in a part of natural pixels, in the unit of the image."""
    sides = image.shape[:2]

    def contrast(part: Part) -> Plane:
        off = _plane(image, kind, part) - enlarged_part(around, sides, part)
        return off if uneven is None else off / enlarged_part(uneven, sides, part)

    return resampled_part(contrast, sides, NATURAL / kind.diameter, part)


def _strips(image: Image, kind: Kind, step: int) -> Iterator[Plane]:
    """The image shrunken, a strip of rows at a time."""
    rows, columns = image.shape[:2]
    strip = max(1, STRIP // step) * step
    for first in range(0, rows - step // 2, strip):
        before = min(first, step)
        last = min(first + strip + step, rows)
        small = shrunken(_plane(image, kind, (slice(first - before, last), slice(0, columns))), step)
        yield small[before // step :][: strip // step]


def _some(sides: Sequence[int]) -> list[Part]:
    """Parts of an image, evenly spread, or all of it."""
    cuts = [np.linspace(0, side, -(-side // MEASURED) + 1).astype(int) for side in sides]
    rows, columns = ([slice(int(a), int(b)) for a, b in itertools.pairwise(cut)] for cut in cuts)
    parts = [(row, column) for row in rows for column in columns]
    return [parts[i] for i in np.unique(np.linspace(0, len(parts) - 1, PARTS).astype(int))]


def _whole(sides: Sequence[int]) -> Part:
    return slice(0, sides[0]), slice(0, sides[1])
