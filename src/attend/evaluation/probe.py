"""Does the appearance code tell apart what people call different things?"""

import numpy as np
from jaxtyping import Float, Int

from attend.evaluation.boxes import matches


def what_probe_accuracy(
    what: Float[np.ndarray, "n predicted what"],
    boxes: Float[np.ndarray, "n predicted 4"],
    counts: Int[np.ndarray, " n"],
    true_boxes: Float[np.ndarray, "n objects 4"],
    labels: Int[np.ndarray, "n objects"],
    seed: int,
) -> float | None:
    """How often a linear classifier of `what` names the true class of an object.

    Inferred objects take the label of the true box that they are matched with. A logistic regression on
    standardised codes learns from a random half of the scenes and is tested on the other half.

    Args:
        what: appearance codes of the inferred objects.
        boxes: their boxes.
        counts: how many of them exist in each scene.
        true_boxes: the true boxes, unused rows zero.
        labels: the true classes; -1 where there is none.
        seed: draws the halves.

    Returns:
        The accuracy on the second half, or None when either half has no labelled object or the first
        has fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scene, found, true = matches(boxes, counts, true_boxes)
    codes, classes = what[scene, found], labels[scene, true]
    first_half = np.random.default_rng(seed).permutation(len(what)) < len(what) // 2
    train, test = first_half[scene] & (classes >= 0), ~first_half[scene] & (classes >= 0)
    if len(np.unique(classes[train])) < 2 or not test.any():
        return None
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(probe.fit(codes[train], classes[train]).score(codes[test], classes[test]))
