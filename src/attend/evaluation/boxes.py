"""Do the boxes lie where the objects are? Boxes are x0, y0, width, height in pixels."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment


def iou(a: Float[np.ndarray, "*batch a 4"], b: Float[np.ndarray, "*batch b 4"]) -> Float[np.ndarray, "*batch a b"]:
    """Intersection over union of every box of `a` with every box of `b`, in [0, 1]; 0 for an empty box."""
    a, b = a[..., :, None, :].astype(float), b[..., None, :, :].astype(float)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    intersection = np.maximum(high - low, 0).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def match(
    pred: Float[np.ndarray, "a 4"], true: Float[np.ndarray, "b 4"]
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Pair predicted with true boxes one to one so that the summed IoU is largest (Hungarian method).

    Returns:
        The paired rows of `pred` and of `true`; boxes that do not overlap are never a pair.
    """
    overlap = iou(pred, true)
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    touching = overlap[rows, columns] > 0
    return rows[touching], columns[touching]


def matches(
    boxes: Float[np.ndarray, "n predicted 4"],
    counts: Int[np.ndarray, " n"],
    true_boxes: Float[np.ndarray, "n objects 4"],
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """The pairs of `match` in every scene: the scene, the predicted row in it, and the true one.

    Only the first `counts` boxes of each scene are looked at; unused true rows are zero, which match nothing.
    """
    pairs = [match(boxes[row, : counts[row]], true_boxes[row]) for row in range(len(boxes))]
    scene = np.repeat(np.arange(len(boxes)), [len(rows) for rows, _ in pairs])
    return scene, np.concatenate([rows for rows, _ in pairs]), np.concatenate([columns for _, columns in pairs])


def mean_iou(
    pred_boxes: Float[np.ndarray, "n predicted 4"],
    pred_counts: Int[np.ndarray, " n"],
    true_boxes: Float[np.ndarray, "n objects 4"],
    true_counts: Int[np.ndarray, " n"],
) -> float | None:
    """The IoU of true objects with their matched boxes, averaged over all true objects.

    An unmatched true object counts 0. Only the first `count` boxes of each scene are
    looked at. None when there is no true object.
    """
    if true_counts.sum() == 0:
        return None
    total = 0.0
    for row in range(len(pred_boxes)):
        pred, true = pred_boxes[row, : pred_counts[row]], true_boxes[row, : true_counts[row]]
        total += iou(pred, true)[match(pred, true)].sum()
    return float(total / true_counts.sum())


def average_precision(
    boxes: Float[np.ndarray, "n predicted 4"],
    scores: Float[np.ndarray, "n predicted"],
    true_boxes: Float[np.ndarray, "n objects 4"],
    true_counts: Int[np.ndarray, " n"],
    threshold: float = 0.5,
) -> float | None:
    """Average precision of detected boxes as COCO defines it, at one IoU threshold and for one category.

    In order of falling score each detection takes the still free true box of its scene that it overlaps
    most, and is right if their IoU reaches `threshold`. The precision, made non-increasing in the recall,
    is averaged over 101 recalls 0, 0.01, ..., 1 (Lin et al. 2014, and pycocotools' `COCOeval`).

    Args:
        boxes: the detections.
        scores: how sure each detection is; a row with score 0 is no detection.
        true_boxes: the true boxes, of which the first `true_counts` of each scene exist.
        true_counts: how many true boxes each scene has.
        threshold: the IoU from which a detection is right.

    Returns:
        The average precision in [0, 1], or None when there is no true object.
    """
    if true_counts.sum() == 0:
        return None
    scenes = np.arange(len(boxes))
    overlaps = iou(boxes, true_boxes)
    free = np.arange(true_boxes.shape[1]) < true_counts[:, None]
    right = np.zeros(scores.shape, bool)
    for detection in np.argsort(-scores, axis=1, kind="stable").T:  # every scene's best, then second best...
        overlap = np.where(free, overlaps[scenes, detection], -1)
        best = overlap.argmax(axis=1)
        right[scenes, detection] = overlap[scenes, best] >= threshold
        free[scenes, best] &= ~right[scenes, detection]
    detected = scores > 0
    ranking = np.argsort(-scores[detected], kind="stable")
    hits = right[detected][ranking].cumsum()
    recall = hits / true_counts.sum()
    precision = np.append(hits / np.arange(1, len(hits) + 1), 0.0)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(precision[np.searchsorted(recall, np.linspace(0, 1, 101))].mean())
