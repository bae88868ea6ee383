"""What kind of images these are: each foreground and size of object is tried, and p judges what q then finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from attend.ahead import ahead, cores
from attend.field import FieldNetwork, instances, look
from attend.finding.busiest import Activity
from attend.finding.foreground import possible
from attend.finding.gain import ENOUGH, gain_of, usual_diameter
from attend.finding.kind import Image, Kind
from attend.finding.steady import Steadiness, steadiness
from attend.finding.views import natural
from attend.photometry import NATURAL

DIAMETERS = (5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 56.0, 80.0, 113.0, 160.0, 226.0, 320.0)
"""Sizes of objects that are tried, in pixels."""

IMAGES, SIDE = 4, 256
"""So many images are looked at, of each a part of so many natural pixels along a side."""

FINALISTS, LARGEST = 6, 1024
"""The best hypotheses are compared again on one and the same part of each image, of at most so many natural pixels."""

LEAST = 0.3
"""Objects of which the network is less sure than this do not count as evidence."""

USUAL = 0.5, 2.0
"""What is found is taken to be so many times as large as what is tried, at least and at most."""

BELIEVED, EXPLAINED = 0.5, 0.25
"""If q's mean score of what it finds is below the first, or the share of the images' variation that objects explain is
below the second, as in a texture, nothing speaks for objects of a kind."""

MANY, AGAIN = 30, 2 / 3
"""Where nothing speaks for the best hypothesis, another one is taken of which so many objects are found, and such a
share of them again at other sizes: there may be more in an image than objects, as tissue around nuclei is."""

CORRECTIONS = 2
"""Times that the diameter is corrected by the sizes of what is found, if that explains the images nearly as well."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for a kind of images.

    Attributes:
        kind: the hypothesis.
        gain: nats a pixel and channel that objects of one colour each add to the likelihood of the images, weighted by
            how sure q is of them, the more visible ones above all.
        objects: how many were found.
        share: of the variation of the images about their background, beyond noise, that the objects explain; the larger
            one, if two parts of the images have been looked at.
        sure: the mean score of those.
        diameter: the median diameter of those, each weighted by its own, in pixels of the files.
        steadiness: of what is found, where that was asked.
    """

    kind: Kind
    gain: float
    objects: int
    share: float
    sure: float
    diameter: float
    steadiness: Steadiness | None = None

    @property
    def credible(self) -> bool:
        """Whether anything speaks for objects of that kind."""
        return self.sure >= BELIEVED and self.share >= EXPLAINED

    @property
    def usual(self) -> float:
        """The diameter of what is found, in terms of that which was tried."""
        return self.diameter / self.kind.diameter


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
    the best ones again in a part that is the same for all of them. One that explains the images nearly as well as the
    best is taken in its place if what q finds is steadier (`attend.finding.steady`), and so is one that explains less
    where nothing speaks for the best.

    Args:
        network: q.
        images: some images of one kind, each in [0, 1] or in bytes.
        foreground: the only one to try, if it is known.
        diameter: the only one to try, if it is known.
        watch: is told how many hypotheses have been tried, of how many.
    """
    some = [images[i] for i in np.unique(np.linspace(0, len(images) - 1, IMAGES).astype(int))]
    named = [foreground] if foreground else sorted({name for image in some for name in possible(image)})
    shortest = min(min(image.shape[:2]) for image in some)
    sizes = [diameter] if diameter else [size for size in DIAMETERS if size <= max(shortest / 3, DIAMETERS[0])]
    kinds = [Kind(name, size) for name in named for size in sizes]
    active = [Activity(image) for image in some]
    parts = {size: [one.busiest(round(SIDE * size / NATURAL)) for one in active] for size in sizes}
    finalists = min(FINALISTS, len(kinds)) if len(sizes) > 1 else 0  # of one size all have had the same part
    corrections = 0 if diameter else CORRECTIONS
    total = len(kinds) + finalists + corrections
    steps = iter(range(total))

    def judged(kind: Kind, parts: Sequence[Image], share: float = 0.0) -> Evidence:
        watch(next(steps), total)
        found = evidence(network, parts, kind)
        return replace(found, share=max(found.share, share))

    def steady(one: Evidence) -> Evidence:
        return one if one.steadiness else replace(one, steadiness=steadiness(network, common, one.kind))

    found = sorted((judged(kind, parts[kind.diameter]) for kind in kinds), key=lambda one: -one.gain)
    diameters = [one.kind.diameter for one in found[: max(finalists, 1)]]
    side = round(min(SIDE * max(diameters), LARGEST * min(diameters)) / NATURAL)
    common = [one.busiest(side) for one in active]
    again = sorted((judged(one.kind, common, one.share) for one in found[:finalists]), key=lambda one: -one.gain)
    ranked = [*again, *found[finalists:]]
    near = max(1, sum(one.gain >= ENOUGH * ranked[0].gain for one in again))
    if near > 1:
        ranked[:near] = map(steady, ranked[:near])
    best = _steadiest(ranked[:near])
    if not best.credible:
        many = (steady(one) for one in ranked if one.credible and one.objects >= MANY)
        best = next((one for one in many if one.steadiness and one.steadiness.share >= AGAIN), best)
    others = [one for one in ranked if one.kind != best.kind]
    for _ in range(corrections):
        if best.objects < 3:
            break
        corrected = best.kind.diameter * float(np.clip(best.usual, 0.7, 1.4))
        other = judged(Kind(best.kind.foreground, corrected), common, best.share)
        if other.gain < ENOUGH * best.gain or (best.credible and not other.credible):
            break
        before, other = steady(best), steady(other)
        if _steadier(before, other):
            break
        best, others = other, [before, *others]
    if best.objects >= 3:
        best = replace(best, kind=replace(best.kind, usual=float(np.clip(best.usual, *USUAL))))
    return [best, *others]


def _steadiest(near: Sequence[Evidence]) -> Evidence:
    """The first, or the steadiest if it is steadier than that by more than the standard error."""
    best = max(near, key=lambda one: one.steadiness.share if one.steadiness else 0.0)
    return best if _steadier(best, near[0]) else near[0]


def _steadier(one: Evidence, other: Evidence) -> bool:
    """Whether what is found is steadier, by more than the standard error, where both are known."""
    own, there = one.steadiness, other.steadiness
    return bool(own and there and own.share - there.share > np.hypot(own.error, there.error))


def disagreement(tried: Sequence[Evidence]) -> float:
    """By how much the hypotheses that nearly explain the images best disagree on how much is there.

    The standard deviation of the logarithm of the number of objects, among those of the first one's foreground with
    which what is found is as steady.
    """
    best = tried[0]
    near = [one for one in tried[: FINALISTS + CORRECTIONS] if one.kind.foreground == best.kind.foreground]
    most = max(one.gain for one in near)
    near = [one for one in near if one.gain >= ENOUGH * most and not _steadier(best, one)]
    counts = [one.objects for one in near if one.objects]
    return float(np.std(np.log(counts))) if len(counts) > 1 else 0.0


def evidence(network: FieldNetwork, parts: Sequence[Image], kind: Kind) -> Evidence:
    """What speaks for one kind, in parts of some images."""

    def judged(part: Image) -> tuple[float, float, np.ndarray, np.ndarray]:
        found = instances(*look(network, natural(part, kind).seen), least=LEAST)
        gain, share = gain_of(part, found, kind)
        return max(gain, 0), share, found.scores, found.areas

    gains, shares, scores, areas = zip(*ahead(judged, parts, cores()), strict=True)
    every = np.concatenate(scores)
    return Evidence(
        kind,
        float(np.mean(gains)),
        len(every),
        float(np.mean(shares)),
        float(every.mean()) if len(every) else 0.0,
        usual_diameter(np.concatenate(areas)) * kind.diameter / NATURAL if len(every) else 0.0,
    )
