"""How far q's scores can be believed, and with them its counts: told from dreams, whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls
from scipy.spatial import KDTree
from scipy.special import expit, logit, ndtr

from attend.ahead import ahead, cores
from attend.dreams import AREA, Targets
from attend.field import FieldNetwork, Instances, instances, look
from attend.finding.bank import Scene, inside

LEAST = 0.3
"""Scores below this are not asked about."""

NEAR = 5.0
"""Pixels, in natural units: an object is found if a middle is no farther from its own than this."""

EDGE = 7.0
"""Pixels along the border of a dream in which nothing is compared: it is small, so that too much of it is border."""

DOUBT = {LEAST: False, 0.9: True}
"""A false object of the least score and a right one of a high score are added, so that nothing is quite certain."""

MISSED, SCATTER = 0.1, 0.1
"""At least so uncertain is a count said to be (see `Calibration`): dreams are not quite like images."""


@dataclass(frozen=True)
class Calibration:
    """What a score means.

    Attributes:
        slope: of the log odds that an object is there, by the log odds of its score (Platt 1999).
        offset: of those log odds.
        missed: the variance of a count for each object counted, as of misses and false ones that come one by one,
            beyond that of independent objects.
        scatter: the relative standard deviation of a count beyond both.
        hidden: how many more objects there are than q can tell apart, for each that it finds, where there is one in
            `AREA` natural pixels; the more, the more crowded an image is.
    """

    slope: float = 1.0
    offset: float = 0.4
    missed: float = MISSED
    scatter: float = SCATTER
    hidden: float = 0.0

    def presence(self, scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The probability that each object is there."""
        return expit(self.slope * logit(np.clip(scores, 1e-6, 1 - 1e-6)) + self.offset)

    def expected(self, presence: Float[np.ndarray, " n"], area: float) -> float:
        """The mean of the count, in an image of so many natural pixels."""
        seen = float(presence.sum())
        return seen * (1 + self.hidden * seen * AREA / area)

    def count_probs(self, presence: Float[np.ndarray, " n"], area: float) -> Float[np.ndarray, " n1"]:
        """The distribution of the count: a normal one, cut at 0, of the mean and the variance that presences tell.

        It has at least as many counts as there are presences, and one more.

        Args:
            presence: of each object.
            area: of the image, in natural pixels.
        """
        mean = self.expected(presence, area)
        independent = (presence * (1 - presence)).sum()
        deviation = np.sqrt(independent + self.missed * mean + (self.scatter * mean) ** 2) + 1e-3
        most = max(len(presence), int(np.ceil(mean + 4 * deviation)))
        edges = np.arange(most + 2) - 0.5
        each = np.diff(ndtr((edges - mean) / deviation))
        return (each / each.sum()).astype(np.float32)


def calibrated(network: FieldNetwork, scenes: Sequence[Scene], turns: int, hiding: float) -> Calibration:
    """Compare what q finds in scenes drawn from p, looking so often at each, with the truth.

    Args:
        network: q.
        scenes: drawn from p.
        turns: as of `look`.
        hiding: the probability that objects hide others: by so much of what q misses in crowds counts are raised.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import

    scores, hits, truths, areas = [], [], [], []

    def found(scene: Scene) -> Instances:
        return instances(*look(network, scene.image.seen, turns), least=LEAST)

    for (image, truth, every), objects in zip(scenes, ahead(found, scenes, cores()), strict=True):
        sides = image.contrast.shape
        compared = inside(objects.middles, sides, EDGE)
        scores.append(objects.scores[compared])
        hits.append(_hits(objects.middles, _middles(truth))[compared])
        truths.append(inside(every, sides, EDGE).sum())
        areas.append(np.prod(np.array(sides) - 2 * EDGE) / AREA)
    score = np.concatenate([*scores, list(DOUBT)])
    hit = np.concatenate([*hits, list(DOUBT.values())])
    fit = LogisticRegression().fit(logit(score.clip(1e-6, 1 - 1e-6))[:, None], hit)
    once = Calibration(float(fit.coef_[0, 0]), float(fit.intercept_[0]))
    seen = np.array([once.presence(one).sum() for one in scores])
    independent = np.array([(once.presence(one) * (1 - once.presence(one))).sum() for one in scores])
    crowded, true = seen / np.array(areas), np.array(truths)
    hidden = float((crowded * (true - seen)).sum() / max((crowded**2 * seen).sum(), 1e-9))
    hidden = hiding * max(hidden, 0.0)
    expected = seen * (1 + hidden * crowded)
    missed, square = nnls(np.stack([expected, expected**2], axis=1), (expected - true) ** 2 - independent)[0]
    return Calibration(
        once.slope, once.offset, float(max(missed, MISSED)), float(max(np.sqrt(square), SCATTER)), hidden
    )


def _middles(truth: Targets) -> np.ndarray:
    """Where the heat is 1, in pixels."""
    return 2.0 * np.stack(np.nonzero(truth.heat >= 0.999), axis=1) + 0.5


def _hits(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Which of the objects, the surest first, are the first to be near some true middle."""
    hit = np.zeros(len(found), bool)
    if not len(found) or not len(true):
        return hit
    taken = np.zeros(len(true), bool)
    for i, near in enumerate(KDTree(true).query_ball_point(found, NEAR)):
        free = [j for j in near if not taken[j]]
        if free:
            best = min(free, key=lambda j: float(np.square(true[j] - found[i]).sum()))
            taken[best] = hit[i] = True
    return hit
