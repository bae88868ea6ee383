"""The scene prior of one kind of images: such that q finds the same in dreams of it as in the images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import gammaln, softmax

from attend.ahead import ahead, cores
from attend.field import Instances
from attend.finding.bank import Bank, Found, Scene, inside, ratios
from attend.finding.kind import Natural

DREAMS = 200
"""Looked at, each with a prior of its own; and as many again, of priors that are likely then."""

APART, TOUCHING, MORE = (0.6, 1.0), (0.0, 0.8), (0.9, 1.8)
"""What may be so: least distances of two objects, in terms of that at which they touch; shares of the objects that are
put beside another; and how many objects there are for each that is found."""

FREE = 0.2
"""The probability, before anything is seen, that they keep no distance: more objects than can be seen are rare."""

STEPS, PARTS = 9, 3
"""Least distances, and shares, that are compared; and the parts of either range of which dreams are compared."""

BESIDE = np.array([0.85, 0.95, 1.05, 1.25])
"""Distances of the nearest other object, in terms of that at which they touch: they divide what is found in classes."""

BORDER = 10.0
"""Natural pixels along the border of an image in which no object is counted."""

SHARED, WEIGHT = 2, 300
"""Neighbours have one distance, so that every second object counts; and no more than so many, since dreams are not
quite like images."""


@dataclass(frozen=True)
class Posterior:
    """What the finds in some images leave possible.

    Attributes:
        bank: what scenes are made of.
        priors: least distance of two objects, share of them that is put beside another, and the logarithm of how many
            there are for each that was found.
        probabilities: of these.
    """

    bank: Bank
    priors: Float[np.ndarray, "3 n"]
    probabilities: Float[np.ndarray, " n"]

    @property
    def free(self) -> float:
        """The probability that objects keep no distance, so that some hide others."""
        return float(self.probabilities[self.priors[0] == 0].sum())

    def scene(self, rng: np.random.Generator) -> Scene:
        """A scene drawn from one of the priors."""
        return _as(self.bank, self.priors[:, rng.choice(len(self.probabilities), p=self.probabilities)]).scene(rng)


def fitted(bank: Bank, found: Sequence[Found], find: Callable[[Natural], Found], seed: int) -> Posterior:
    """Priors with so many objects, so close to each other, that q finds in dreams what it finds in the images.

    q overlooks objects that others hide, so that there are more, and nearer to each other, than it finds. Dreams are
    drawn from priors of all kinds, and how often q finds objects in them, and at what distances from each other, is
    fitted as a function of the prior (indirect inference; Gourieroux, Monfort and Renault 1993). What is likely among
    the priors of each of six kinds follows from how many of the objects in the images are at each class of distances.
    Dreams of what is likely then tell which kind it is.

    Args:
        bank: made of what was found.
        found: that.
        find: what q finds in an image, in the same way.
        seed: of the dreams.
    """
    images = np.sum([_seen(one.objects, one.image) for one in found], axis=0)
    rng = np.random.default_rng(seed)
    low, high = np.log(MORE)
    tried = np.stack([rng.uniform(*APART, DREAMS), rng.uniform(*TOUCHING, DREAMS), rng.uniform(low, high, DREAMS)])
    tried[0, ::2] = 0

    def dream(number: int, prior: np.ndarray) -> tuple[np.ndarray, int]:
        scene = _as(bank, prior).scene(np.random.default_rng([seed, number]))
        return _seen(find(scene.image).objects, scene.image), int(_own(scene.middles, scene.image).sum())

    def dreams(first: int, priors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbered = enumerate(priors.T, first)
        seen, there = zip(*ahead(lambda one: dream(*one), numbered, cores()), strict=True)
        return np.array(seen), np.array(there)

    priors, expected = _expected(tried, *dreams(0, tried))
    counts = images * min(1 / SHARED, WEIGHT / max(images.sum(), 1))
    likely = counts @ np.log(expected)
    kinds = [np.where(kind, np.exp(likely - likely[kind].max()), 0) for kind in _kinds(priors)]
    kinds = [kind / kind.sum() for kind in kinds]
    evidence, each = np.log([FREE] * PARTS + [1 - FREE] * PARTS), DREAMS // len(kinds)
    for number, kind in enumerate(kinds):
        seen, _ = dreams(DREAMS + number * each, priors[:, rng.choice(len(kind), each, p=kind)])
        evidence[number] += _predicted(counts, seen.sum(axis=0))
    return Posterior(bank, priors, np.tensordot(softmax(evidence), kinds, 1))


def _kinds(priors: Float[np.ndarray, "3 n"]) -> list[Bool[np.ndarray, " n"]]:
    """Some of the priors each, three kinds of either: those whose objects keep no distance by the share that is put
    beside another, and the others by their distance. What is fitted may be far off for some of them."""
    apart, touching = priors[:2]
    free = [(apart == 0) & part for part in _parts(touching, TOUCHING)]
    return free + [(apart > 0) & part for part in _parts(apart, APART)]


def _parts(values: Float[np.ndarray, " n"], between: tuple[float, float]) -> list[Bool[np.ndarray, " n"]]:
    edges = np.linspace(*between, PARTS + 1)[1:-1]
    place = np.searchsorted(edges, values)
    return [place == part for part in range(PARTS)]


def _expected(
    tried: Float[np.ndarray, "3 dreams"], seen: Int[np.ndarray, "dreams classes"], there: Int[np.ndarray, " dreams"]
) -> tuple[Float[np.ndarray, "3 n"], Float[np.ndarray, "classes n"]]:
    """Priors of all kinds in which as many objects are found as in the images, and the shares of classes in each.

    Args:
        tried: the priors of some dreams.
        seen: how many objects of each class were found in each.
        there: how many there are in each.
    """
    n = seen.sum(axis=1)
    told = _surface(tried, n / np.maximum(there, 1), there)
    shares = [_surface(tried, each / np.maximum(n, 1), n) for each in seen.T]
    distances = np.concatenate([np.zeros(STEPS), np.linspace(*APART, STEPS)])
    priors = np.stack([*np.meshgrid(distances, np.linspace(*TOUCHING, STEPS)), np.zeros((STEPS, 2 * STEPS))])
    priors = priors.reshape(3, -1)
    for _ in range(20):
        priors[2] = -np.log((_terms(priors) @ told).clip(1 / MORE[1], 1))
    expected = np.stack([_terms(priors) @ each for each in shares]).clip(3e-3)
    return priors, expected / expected.sum(axis=0)


def _as(bank: Bank, prior: Float[np.ndarray, "3"]) -> Bank:
    apart, touching, more = prior.tolist()
    return replace(bank, apart=apart, touching=touching, more=float(np.exp(more)))


def _predicted(counts: Float[np.ndarray, " classes"], before: Int[np.ndarray, " classes"]) -> float:
    """The log probability of counts of classes, but for a constant, after those of dreams (Dirichlet-multinomial)."""
    known = before + 0.5
    own = gammaln(known + counts) - gammaln(known)
    return float(own.sum() + gammaln(known.sum()) - gammaln((known + counts).sum()))


def _own(middles: Float[np.ndarray, "n 2"], image: Natural) -> np.ndarray:
    return inside(middles, image.contrast.shape, BORDER)


def _seen(objects: Instances, image: Natural) -> np.ndarray:
    """How many objects have their nearest other one at each class of distances."""
    place = np.searchsorted(BESIDE, ratios(objects)[_own(objects.middles, image)])
    return np.bincount(place, minlength=len(BESIDE) + 1)


def _terms(priors: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, "n terms"]:
    """The terms of two quadratic functions: of priors whose objects keep a distance, and of all others."""
    a, b, c = priors
    free = (a == 0)[:, None]
    both = np.stack([np.ones_like(a), b, c, b * b, c * c, b * c], axis=1)
    kept = np.stack([a, a * a, a * b, a * c], axis=1)
    return np.concatenate([both * free, both * ~free, kept], axis=1)


def _surface(priors: Float[np.ndarray, "3 n"], values: np.ndarray, weights: np.ndarray) -> Float[np.ndarray, " terms"]:
    """The quadratic function of the prior that is nearest to some values."""
    root = np.sqrt(weights)
    return np.linalg.lstsq(_terms(priors) * root[:, None], values * root, rcond=None)[0]
