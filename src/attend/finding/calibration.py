"""How far q's scores can be believed, and with them its counts: told from dreams, whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from attend.dreams import Targets
from attend.field import Example, FieldNetwork, instances, look

LEAST = 0.15
"""Scores below this are not asked about."""

NEAR = 5.0
"""Pixels, in natural units: an object is found if a middle is no farther from its own than this."""

SCATTER = 0.03
"""The relative standard deviation of counts is said to be at least this."""


@dataclass(frozen=True)
class Calibration:
    """What a score means.

    Attributes:
        slope: of the log odds that an object is there, by the log odds of its score (Platt 1999).
        offset: of those log odds.
        scatter: the relative standard deviation of a count beyond that of independent objects.
    """

    slope: float = 1.0
    offset: float = 0.4
    scatter: float = 0.1

    def presence(self, scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The probability that each object is there."""
        return expit(self.slope * logit(np.clip(scores, 1e-6, 1 - 1e-6)) + self.offset)

    def count_probs(self, presence: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n1"]:
        """The distribution of the count: a normal one, cut at 0, of the mean and the variance that presences tell.

        It has at least as many counts as there are presences, and one more.
        """
        mean = float(presence.sum())
        deviation = np.sqrt((presence * (1 - presence)).sum() + (self.scatter * mean) ** 2) + 1e-3
        most = max(len(presence), int(np.ceil(mean + 4 * deviation)))
        edges = np.arange(most + 2) - 0.5
        upto = norm.cdf(edges, mean, deviation)
        upto[0], upto[-1] = 0, 1
        return np.diff(upto).astype(np.float32)


def calibrated(network: FieldNetwork, dreams: Sequence[Example]) -> Calibration:
    """Compare what q finds in dreams with the truth."""
    scores, hits, truths, found = [], [], [], []
    for image, truth in dreams:
        objects = instances(*look(network, image), least=LEAST)
        middles = _middles(truth)
        scores.append(objects.scores)
        hits.append(_hits(objects.middles, middles))
        truths.append(len(middles))
        found.append(len(objects.scores))
    score, hit = np.concatenate(scores), np.concatenate(hits)
    if hit.all() or not hit.any():
        return Calibration()
    fit = LogisticRegression().fit(logit(score.clip(1e-6, 1 - 1e-6))[:, None], hit)
    once = Calibration(float(fit.coef_[0, 0]), float(fit.intercept_[0]), 0.0)
    expected = np.array([once.presence(one).sum() for one in scores])
    independent = np.array([(once.presence(one) * (1 - once.presence(one))).sum() for one in scores])
    left = np.square(expected - truths) - independent
    scatter = np.sqrt(max(left.sum(), 0) / max(np.square(expected).sum(), 1))
    return Calibration(once.slope, once.offset, float(max(scatter, SCATTER)))


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
