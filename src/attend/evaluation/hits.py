"""How many objects were found, missed and made up: matched one to one by boxes, by masks or by their middles."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from attend.evaluation.boxes import iou

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""The IoU from which on a pair counts: 0.5, 0.55, ..., 0.95 (Data Science Bowl 2018, and COCO)."""


@dataclass(frozen=True)
class Hits:
    """Numbers of objects, of one image or, added up, of several.

    Attributes:
        right: pairs of a found object and a true one (true positives).
        wrong: found objects without a true one (false positives).
        missed: true objects that were not found (false negatives).
    """

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Hits") -> "Hits":
        """Those of both."""
        return Hits(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """The share of found objects that are right; 1 where nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of true objects that were found; 1 where there is none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """2 right / (2 right + wrong + missed); 1 where there is nothing and nothing was found."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else 1.0

    @property
    def average_precision(self) -> float:
        """Right / (right + wrong + missed), as the Data Science Bowl 2018 has it; 1 where there is nothing at all."""
        total = self.right + self.wrong + self.missed
        return self.right / total if total else 1.0


def box_hits(found: Float[np.ndarray, "a 4"], true: Float[np.ndarray, "b 4"], threshold: float = 0.5) -> Hits:
    """As many pairs of boxes as there can be whose IoU reaches `threshold`, each box in one pair at most.

    Boxes are x0, y0, width, height in pixels.
    """
    return hits(iou(found, true) >= threshold)


def point_hits(found: Float[np.ndarray, "a 2"], true: Float[np.ndarray, "b 2"], distance: float) -> Hits:
    """As many pairs of points as there can be that are at most `distance` apart, each point in one pair at most."""
    return hits(np.linalg.norm(found[:, None].astype(float) - true[None], axis=-1) <= distance)


def mask_hits(overlap: Float[np.ndarray, "a b"], threshold: float = 0.5) -> Hits:
    """As many pairs of masks as there can be whose IoU, as of `label_iou`, reaches `threshold`."""
    return hits(overlap >= threshold)


def hits(pairs: Bool[np.ndarray, "a b"]) -> Hits:
    """The most pairs of a found object (row) and a true one (column) among those that may be (Hungarian method)."""
    rows, columns = linear_sum_assignment(pairs, maximize=True)
    right = int(pairs[rows, columns].sum())
    return Hits(right, pairs.shape[0] - right, pairs.shape[1] - right)


def label_iou(found: Int[np.ndarray, "h w"], true: Int[np.ndarray, "h w"]) -> Float[np.ndarray, "a b"]:
    """Intersection over union of every object of a label image with every one of another, in the order of their labels.

    0 is background; an object that has no pixel is none.
    """
    found_labels, rows = np.unique(found, return_inverse=True)
    true_labels, columns = np.unique(true, return_inverse=True)
    shape = len(found_labels), len(true_labels)
    shared = np.bincount(rows.ravel() * shape[1] + columns.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    return (shared / union)[found_labels != 0][:, true_labels != 0]


def mask_average_precision(overlaps: Iterable[Float[np.ndarray, "_ _"]]) -> float | None:
    """The average precision of masks as in the Data Science Bowl 2018.

    That of an image is right / (right + wrong + missed), averaged over the IoUs of `THRESHOLDS`; it is then averaged
    over the images.

    Args:
        overlaps: `label_iou` of each image.

    Returns:
        A number in [0, 1], or None when there is no image.
    """
    scores = [np.mean([mask_hits(overlap, t).average_precision for t in THRESHOLDS]) for overlap in overlaps]
    return float(np.mean(scores)) if scores else None


def matched_iou(overlaps: Iterable[Float[np.ndarray, "_ _"]]) -> float | None:
    """The mean IoU of the pairs of masks that overlap by half or more, of all images; None when there is no pair.

    Args:
        overlaps: `label_iou` of each image.
    """
    matched = []
    for overlap in overlaps:
        rows, columns = linear_sum_assignment(np.where(overlap >= 0.5, overlap, 0), maximize=True)
        matched += [value for value in overlap[rows, columns] if value >= 0.5]
    return float(np.mean(matched)) if matched else None
