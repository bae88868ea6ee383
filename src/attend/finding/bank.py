"""p that the images specify: cut-outs of what q has found, backgrounds without it, and how objects lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.spatial import KDTree

from attend.dreams import (
    AREA,
    BEYOND,
    OVERLAPS,
    SIDE,
    WIDTH,
    Arrangement,
    CutOuts,
    Targets,
    compose,
    ellipses,
    radii,
    targets,
)
from attend.field import Instances
from attend.finding.kind import Natural
from attend.photometry import smooth_over

SURE = 0.7
"""Objects of which q is surer than this are cut out."""

TOUCHED = 0.35
"""Those are left out of whose outline a larger share touches others."""

EACH, FEWEST = 60, 8
"""So many objects are cut out of an image at most, and so many of all images are needed."""

ALONE, OWN = 4, 0.7
"""An image with so many cut-outs is dreamed of with these alone, in this share of the dreams of it."""

GLOW = 0.2
"""What shines around an object comes with it: all within half as many of its diameters, and none from 1.5 times on."""

BESIDE, FAR, FEW = 1.25, 3.0, 0.1
"""Objects nearer than the first are beside each other, in terms of the distance at which they touch; none is said to be
farther than the second; and so small a share of all is nearer than dreams have them."""

NEIGHBOURS = 6
"""Those whose middles are nearest, among which the one is that an object touches first."""

BACKGROUNDS = 60
"""Backgrounds of `DREAM` pixels along a side that are cut out."""

DREAM = 96
"""Pixels along the side of a dream."""


class Found(NamedTuple):
    """An image in natural units, what q finds in it, and all that might be an object."""

    image: Natural
    objects: Instances
    doubtful: Instances


class Scene(NamedTuple):
    """A scene drawn from p.

    Attributes:
        image: it.
        truth: what q is to say of it.
        middles: of all its objects, row and column, of those as well that others hide.
    """

    image: Natural
    truth: Targets
    middles: Float[np.ndarray, "n 2"]


@dataclass(frozen=True)
class Bank:
    """What dreams of one kind of images are made of.

    Attributes:
        cutouts: what objects look like.
        origins: the image that each was cut out of.
        backgrounds: what is behind them.
        behind: the image that each of these is a part of.
        spreads: of the background of each image.
        densities: of each image, how many objects there are in `AREA` pixels in each of its parts.
        touching: the share of the objects that have another beside them.
        apart: the distance from the nearest other one, in terms of that at which they touch, below which few objects
            are.
        more: how many objects there are for each that was found.
    """

    cutouts: CutOuts
    origins: Int[np.ndarray, " cutouts"]
    backgrounds: Float[np.ndarray, "n side side"]
    behind: Int[np.ndarray, " n"]
    spreads: Float[np.ndarray, " images"]
    densities: Sequence[Float[np.ndarray, " _parts"]]
    touching: float
    apart: float
    more: float = 1.0

    def dream(self, rng: np.random.Generator) -> tuple[Float[np.ndarray, "side side 2"], Targets]:
        """What q sees of a scene that it learns from, and the truth about it.

        Such scenes are somewhat more crowded and more varied in brightness than those that were found: what q has
        missed so far is more often faint or crowded than not. Where outlines run is left open, since those of the
        cut-outs are no more than what q has said before: learned again, they become tighter in every round.
        """
        scene = self.scene(rng, varied=True)
        return scene.image.seen, scene.truth._replace(weight=np.zeros_like(scene.truth.weight))

    def scene(self, rng: np.random.Generator, *, varied: bool = False) -> Scene:
        """A scene drawn from p.

        Background, brightness and density are those of one image, and most often its objects are too.

        Args:
            rng: draws everything.
            varied: whether it is as a scene might be, rather than as those are that were found.
        """
        density, touching, apart, some = self.more, self.touching, self.apart, 0.0
        if varied:
            density, some = density * rng.uniform(0.7, 2.0), float(rng.choice([0, 1.5]))
            touching = float(np.clip(touching * rng.uniform(0.6, 1.5), 0.1, 0.9))
            apart *= rng.uniform(0.5, 1)
        place = int(rng.integers(len(self.backgrounds)))
        image = int(self.behind[place])
        own = np.flatnonzero(self.origins == image)
        alone = len(own) >= ALONE and rng.random() < OWN
        around = ((DREAM + 2 * BEYOND) / DREAM) ** 2  # where objects may lie is larger than what is seen
        arrangement = Arrangement(
            density=float(rng.choice(self.densities[image]) * density + some) * around,
            size_sd=0.12 if varied else 0.05,
            contrast_sd=0.5 if varied else 0.15,
            touching=touching,
            gaps=(0.55, 1.2),
            alike=0.5,
            apart=apart,
            overlap=OVERLAPS[rng.integers(3)],
            own=True,
        )
        drawn = compose(rng, self.cutouts[own] if alone else self.cutouts, arrangement, self.backgrounds[place])
        pixels = drawn.image
        if varied:
            if rng.random() < 0.3:
                pixels = ndimage.gaussian_filter(pixels, rng.uniform(0.3, 0.8))
            pixels = pixels * np.exp(0.2 * rng.normal())
        seen = Natural(pixels.astype(np.float32), float(self.spreads[image]), (float(DREAM), float(DREAM)))
        return Scene(seen, targets(drawn), drawn.middles)


def bank(found: Sequence[Found], rng: np.random.Generator) -> Bank | None:
    """What dreams are made of, from what was found in some images; None if that is too little."""
    parts = [cut_out(one) for one in found]
    parts = [part[rng.permutation(len(part))[:EACH]] for part in parts]
    if sum(map(len, parts)) < FEWEST:
        return None
    behind = rng.integers(len(found), size=BACKGROUNDS)
    near = np.concatenate([ratios(one.objects) for one in found])
    return Bank(
        CutOuts.concatenate(parts),
        np.repeat(np.arange(len(found)), [len(part) for part in parts]),
        np.stack([_background(found, int(first), rng) for first in behind]),
        behind,
        np.array([one.image.spread for one in found]),
        [_densities(one) for one in found],
        float((near < BESIDE).mean()),
        float(np.clip(np.quantile(near, FEW), 0, 1)),
    )


def cut_out(found: Found) -> CutOuts:
    """The objects of which q is sure, that are whole, in one piece, and for the most part free."""
    labels, contrast = found.objects.labels, found.image.contrast
    members: list[tuple[np.ndarray, np.ndarray, np.ndarray, float, float, np.ndarray]] = []
    for k, where in enumerate(ndimage.find_objects(labels)):
        if found.objects.scores[k] < SURE or any(
            part.start == 0 or part.stop == full for part, full in zip(where, labels.shape, strict=True)
        ):
            continue
        margin = 4 + max(one.stop - one.start for one in where) // 2
        part = tuple(slice(max(0, one.start - margin), one.stop + margin) for one in where)
        mask: Any = ndimage.binary_fill_holes(labels[part] == k + 1)
        pieces: Any = ndimage.label(mask)
        if pieces[1] > 1 or _touched(mask, labels[part]) > TOUCHED:
            continue
        mean = float(contrast[part][mask].mean())
        if mean > 0:
            others = (labels[part] > 0) & ~mask
            value, alpha, depth, glow = _centred(contrast[part] / mean, mask, others)
            members.append((value, alpha, depth, float(np.sqrt(4 * mask.sum() / np.pi)), mean, glow))
    if not members:
        none = np.zeros((0, SIDE, SIDE), np.float32)
        return CutOuts(none, none, none, np.zeros(0), np.zeros(0), none)
    return CutOuts(*(np.stack(arrays) for arrays in zip(*members, strict=True)))


def _touched(mask: np.ndarray, labels: np.ndarray) -> float:
    """About which share of an object's outline touches other objects."""
    around: Any = ndimage.binary_dilation(mask, iterations=2)
    return (around & (labels > 0) & ~mask).sum() / (2 * np.sqrt(np.pi * mask.sum()))


def _centred(value: np.ndarray, mask: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Value, alpha, depth and glow of an object, moved to the middle and scaled as `CutOuts` has them."""
    depth: Any = ndimage.distance_transform_edt(mask)
    outside: Any = ndimage.distance_transform_edt(~mask, return_indices=True)
    outside, nearest = outside
    alpha = np.clip((depth - outside) / 2 + 0.5, 0, 1)  # the outline is as soft as two pixels
    diameter = np.sqrt(4 * mask.sum() / np.pi)
    fades = np.clip(1.5 - outside / (GLOW * diameter), 0, 1)
    nearer: Any = ndimage.distance_transform_edt(~others) if others.any() else np.inf
    shines = ndimage.gaussian_filter(value.clip(0), 0.7) * (1 - alpha) * fades * (outside < nearer)
    value = value[tuple(nearest)]  # goes on beyond the outline, where alpha is not yet 0
    middle = np.array([axis.mean() for axis in np.nonzero(mask)])
    step = diameter / WIDTH
    start = middle - step * (SIDE - 1) / 2

    def moved(array: np.ndarray, mode: str) -> np.ndarray:
        return ndimage.affine_transform(array.astype(np.float32), [step, step], start, (SIDE, SIDE), order=1, mode=mode)

    value, shines = moved(value, "nearest"), moved(shines, "constant")
    return value, moved(alpha, "constant"), moved(depth / depth.max(), "constant"), shines


def _background(found: Sequence[Found], first: int, rng: np.random.Generator) -> np.ndarray:
    """A part of an image from which all that might be an object is painted over by other parts."""
    part, taken = _part(found[first], rng)
    for _ in range(25):
        if not taken.any():
            break
        other, hidden = _part(found[first if rng.random() < 0.7 else int(rng.integers(len(found)))], rng)
        usable = taken & ~hidden
        part[usable] = other[usable]
        taken &= hidden
    if taken.any():
        part = np.where(taken, smooth_over(part, ~taken, 6.0)[0], part)
    return part


def _part(found: Found, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random part, turned or mirrored, and which pixels might be of objects."""
    contrast = found.image.contrast
    lit = ndimage.gaussian_filter(contrast, 1.2) > max(2 * found.image.spread, 0.12)
    taken = ndimage.binary_dilation((found.doubtful.labels > 0) | lit, iterations=2)
    missing = [(0, max(0, DREAM - side)) for side in contrast.shape]
    contrast, taken = np.pad(contrast, missing, mode="reflect"), np.pad(taken, missing, mode="reflect")
    where = tuple(slice(i, i + DREAM) for i in (rng.integers(side - DREAM + 1) for side in contrast.shape))
    turns, mirrored = int(rng.integers(4)), rng.integers(2)
    contrast, taken = np.rot90(contrast[where], turns), np.rot90(taken[where], turns)
    return (contrast[::-1].copy(), taken[::-1].copy()) if mirrored else (contrast.copy(), taken.copy())


def ratios(objects: Instances) -> np.ndarray:
    """How far each object's nearest other one is, in terms of the distance at which they touch.

    Objects are taken to be ellipses, since long ones that lie side by side are near to each other and yet touch no more
    than discs do.
    """
    n = len(objects.middles)
    if n < 2:
        return np.full(n, FAR)
    centroids, spreads = ellipses(objects.labels)
    near: Any = KDTree(centroids).query(centroids, k=min(n, NEIGHBOURS + 1))
    distance, other = near[0][:, 1:], near[1][:, 1:]
    towards = (centroids[other] - centroids[:, None]) / np.maximum(distance, 1e-9)[..., None]
    touch = radii(spreads[:, None], towards) + radii(spreads[other], towards)
    return np.minimum((distance / touch).min(axis=1), FAR)


def inside(middles: Float[np.ndarray, "n 2"], sides: tuple[int, ...], border: float) -> Bool[np.ndarray, " n"]:
    """Which objects are farther from the border of their image than that, or than a quarter of a small image."""
    least = np.minimum(border, np.array(sides) / 4)
    return np.all((middles >= least) & (middles <= np.array(sides) - 1 - least), axis=1)


def _densities(found: Found) -> np.ndarray:
    """How many objects there are per `AREA` pixels, in each of the equal parts of an image of about that size."""
    size = np.array(found.image.contrast.shape)
    parts = np.maximum(size // DREAM, 1)
    counts, *_ = np.histogram2d(*found.objects.middles.T, bins=parts, range=[(0, side) for side in size])
    return counts.ravel() * AREA * parts.prod() / size.prod()
