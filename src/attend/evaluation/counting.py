"""Are the counts right, where do they go wrong, and does q(n|x) know when?"""

import numpy as np
from jaxtyping import Float, Int


def count_accuracy(inferred: Int[np.ndarray, " n"], true: Int[np.ndarray, " n"]) -> float:
    """The fraction of scenes whose inferred count is the true one."""
    return float(np.mean(inferred == true))


def total_count_error(inferred: Int[np.ndarray, " n"], true: Int[np.ndarray, " n"]) -> float | None:
    """How far the number of objects in all scenes together is off, over the true one; None when there is no object."""
    return float(abs(inferred.sum() - true.sum()) / true.sum()) if true.sum() else None


def interval_coverage(intervals: Int[np.ndarray, "n 2"], true: Int[np.ndarray, " n"]) -> float:
    """The share of scenes whose true count is from the lowest to the highest count of its interval."""
    return float(np.mean((intervals[:, 0] <= true) & (true <= intervals[:, 1])))


def count_confusion(inferred: Int[np.ndarray, " n"], true: Int[np.ndarray, " n"]) -> list[list[int]]:
    """How many scenes of each true count (row) were given each count (column), both from 0 up."""
    largest = int(max(inferred.max(), true.max()))
    confusion = np.zeros((largest + 1, largest + 1), int)
    np.add.at(confusion, (true, inferred), 1)
    return confusion.tolist()


def count_accuracy_by_count(inferred: Int[np.ndarray, " n"], true: Int[np.ndarray, " n"]) -> dict[str, float]:
    """The count accuracy among scenes of each true count that occurs; keys are strings, as in JSON."""
    return {str(count): count_accuracy(inferred[true == count], true[true == count]) for count in np.unique(true)}


def count_ece(count_probs: Float[np.ndarray, "n counts"], counts: Int[np.ndarray, " n"], bins: int = 15) -> float:
    """Expected calibration error of q(n|x): is the most probable count right as often as it claims?

    The average of |accuracy - mean probability| over the bins of `count_reliability`, each weighted by its scenes.
    0 is perfectly calibrated. Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3.

    Args:
        count_probs: q(n|x) for n = 0..counts-1.
        counts: the true counts; one beyond the last column is simply never right.
        bins: how many bins divide (0, 1].
    """
    confidence, accuracy, scenes = count_reliability(count_probs, counts, bins)
    return float(np.sum(scenes * np.abs(accuracy - confidence)) / len(counts))


def count_reliability(
    count_probs: Float[np.ndarray, "n counts"], counts: Int[np.ndarray, " n"], bins: int = 15
) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"], Int[np.ndarray, " bins"]]:
    """What the most probable count claims and how often it is right, in bins of equal width of the claim.

    Args:
        count_probs: q(n|x) for n = 0..counts-1.
        counts: the true counts; one beyond the last column is simply never right.
        bins: how many bins divide (0, 1].

    Returns:
        The mean of the largest probability, the share of right counts, and the number of scenes of each bin; the
        first two are 0 in an empty bin.
    """
    claim = count_probs.max(axis=1).astype(float)
    right = count_probs.argmax(axis=1) == counts
    index = np.clip(np.ceil(claim * bins).astype(int) - 1, 0, bins - 1)
    scenes = np.bincount(index, minlength=bins)
    confidence, accuracy = (np.bincount(index, values, bins) / np.maximum(scenes, 1) for values in (claim, right))
    return confidence, accuracy, scenes
