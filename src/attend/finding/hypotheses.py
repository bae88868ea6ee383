"""What kind of images these are: each foreground and size of object is tried, and p judges what q then finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from attend.field import FieldNetwork, Instances, instances, look
from attend.finding.foreground import possible
from attend.finding.kind import Image, Kind, Plane, natural
from attend.photometry import NATURAL, noise_level, resample, smooth_over

DIAMETERS = (5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 56.0, 80.0, 113.0, 160.0, 226.0, 320.0)
"""Sizes of objects that are tried, in pixels."""

IMAGES, SIDE = 4, 256
"""So many images are looked at, of each a part of so many natural pixels along a side."""

FINALISTS, LARGEST = 6, 1024
"""The best hypotheses are compared again on one and the same part of each image, of at most so many natural pixels."""

LEAST = 0.3
"""Objects of which the network is less sure than this do not count as evidence."""

CORRECTIONS = 2
"""Times that the diameter is corrected by the sizes of what is found, if that explains the images better."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for a kind of images.

    Attributes:
        kind: the hypothesis.
        gain: nats a pixel and channel that objects of one colour each add to the likelihood of the images, weighted by
            how sure q is of them, the more visible ones above all.
        objects: how many were found.
        share: of the variation of the images about their background, beyond noise, that the objects explain.
        sure: the mean score of those.
        diameter: the median diameter of those, each weighted by its own, in pixels of the files.
    """

    kind: Kind
    gain: float
    objects: int
    share: float
    sure: float
    diameter: float


def hypotheses(
    network: FieldNetwork,
    images: Sequence[Image],
    *,
    foreground: str | None = None,
    diameter: float | None = None,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> list[Evidence]:
    """Every kind that the images may be of, the best first; the first one's diameter is corrected by what is found.

    Each hypothesis is judged by a simple p: a smooth background, and objects of one colour each where q finds them.
    What counts is by how much that explains the pixels in all channels better than the background alone, per pixel,
    times how sure q is. This is asked of every hypothesis in a part of each image that suits its size, and of
    the best ones again in a part that is the same for all of them.

    Args:
        network: q.
        images: some images of one kind, each in [0, 1].
        foreground: the only one to try, if it is known.
        diameter: the only one to try, if it is known.
        watch: is told how many hypotheses have been tried, of how many.
    """
    some = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, IMAGES).astype(int))]
    named = [foreground] if foreground else sorted({name for image in some for name in possible(image)})
    shortest = min(min(image.shape[:2]) for image in some)
    sizes = [diameter] if diameter else [size for size in DIAMETERS if size <= max(shortest / 3, DIAMETERS[0])]
    kinds = [Kind(name, size) for name in named for size in sizes]
    differs = [np.square(image - np.median(image, axis=(0, 1))).sum(axis=2) for image in some]
    parts = {size: _busiest(some, differs, round(SIDE * size / NATURAL)) for size in sizes}
    finalists = min(FINALISTS, len(kinds)) if len(sizes) > 1 else 0  # of one size all have had the same part
    corrections = 0 if diameter else CORRECTIONS
    total = len(kinds) + finalists + corrections
    steps = iter(range(total))

    def judged(kind: Kind, parts: Sequence[Image]) -> Evidence:
        watch(next(steps), total)
        return evidence(network, parts, kind)

    found = sorted((judged(kind, parts[kind.diameter]) for kind in kinds), key=lambda one: -one.gain)
    diameters = [one.kind.diameter for one in found[: max(finalists, 1)]]
    side = round(min(SIDE * max(diameters), LARGEST * min(diameters)) / NATURAL)
    common = _busiest(some, differs, side)
    again = sorted((judged(one.kind, common) for one in found[:finalists]), key=lambda one: -one.gain)
    best, *others = [*again, *found[finalists:]]
    for _ in range(corrections):
        if best.objects < 3:
            break
        corrected = best.kind.diameter * float(np.clip(best.diameter / best.kind.diameter, 0.7, 1.4))
        other = judged(Kind(best.kind.foreground, corrected), common)
        if other.gain <= best.gain:
            break
        best = other
    return [best, *others]


def evidence(network: FieldNetwork, parts: Sequence[Image], kind: Kind) -> Evidence:
    """What speaks for one kind, in parts of some images."""
    gains, shares, scores, diameters = [], [], [], []
    for part in parts:
        seen = natural(part, kind)
        found = instances(*look(network, seen.seen), least=LEAST)
        gain, share = _gain(part, found, kind)
        gains.append(max(gain, 0))
        shares.append(share)
        scores.append(found.scores)
        diameters.append(np.sqrt(4 * found.areas / np.pi) * kind.diameter / NATURAL)
    every = np.concatenate(scores)
    return Evidence(
        kind,
        float(np.mean(gains)),
        len(every),
        float(np.mean(shares)),
        float(every.mean()) if len(every) else 0.0,
        _weighted_median(np.concatenate(diameters)) if len(every) else 0.0,
    )


def _busiest(images: Sequence[Image], differs: Sequence[Plane], side: int) -> list[Image]:
    """The square part of each image, of this side, that differs most from its usual colour; all of a smaller image."""
    parts = []
    for image, much in zip(images, differs, strict=True):
        rows = _most(much.sum(axis=1), side)
        columns = _most(much[rows].sum(axis=0), side)
        parts.append(image[rows, columns] if max(image.shape[:2]) > side else image)
    return parts


def _most(along: np.ndarray, side: int) -> slice:
    """The stretch of that length, or all, with the largest sum."""
    first = int(np.convolve(along, np.ones(min(side, len(along))), mode="valid").argmax())
    return slice(first, first + side)


def _gain(image: Image, found: Instances, kind: Kind) -> tuple[float, float]:
    """By how many nats a pixel and channel objects of one colour each explain the image better than what is around.

    It is weighted by q's mean score of the objects, in which each has the weight of what it adds to the image: faint
    objects, of which q is never sure, neither help nor harm. The second number is `Evidence.share`.
    """
    factor = NATURAL / kind.diameter
    colours = np.stack([resample(image[..., i], factor) for i in range(image.shape[2])], axis=-1)
    outside = found.labels == 0
    if outside.mean() < 0.02 or not len(found.areas):
        return 0.0, 0.0
    left = colours - np.stack([smooth_over(c, outside, NATURAL)[0] for c in np.moveaxis(colours, -1, 0)], axis=-1)
    index = np.arange(1, len(found.areas) + 1)
    means = np.stack([ndimage.mean(channel, found.labels, index) for channel in np.moveaxis(left, -1, 0)], axis=-1)
    painted = np.concatenate([np.zeros_like(means[:1]), means])[found.labels]
    adds = found.areas * np.square(means).sum(axis=1)
    sure = (found.scores * adds).sum() / max(adds.sum(), 1e-12)
    noise = sum(noise_level(channel) ** 2 for channel in np.moveaxis(left, -1, 0))
    before, after = (float(np.square(rest).mean(axis=(0, 1)).sum()) for rest in (left, left - painted))
    share = (before - after) / max(before - noise, 1e-12)
    return 0.5 * float(sure) * (_log_volume(left) - _log_volume(left - painted)), share


def _log_volume(left: np.ndarray) -> float:
    """The logarithm of the determinant of the covariance of what is left, per channel."""
    flat = left.reshape(-1, left.shape[2])
    covariance = flat.T @ flat / len(flat) + 1e-6 * np.eye(left.shape[2])
    return float(np.linalg.slogdet(covariance)[1] / left.shape[2])


def _weighted_median(diameters: np.ndarray) -> float:
    """The diameter above which half of the sum of all diameters lies: fragments count for little."""
    ordered = np.sort(diameters)
    upto = np.cumsum(ordered)
    return float(ordered[np.searchsorted(upto, upto[-1] / 2)] / 1.05)
