"""What is said of images of any sizes whose truth is boxes, points or label images, as one dictionary."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attend.errors import AttendError
from attend.evaluation.counting import interval_coverage, total_count_error
from attend.evaluation.hits import Hits, box_hits, label_iou, mask_average_precision, mask_hits, matched_iou, point_hits


@dataclass(frozen=True)
class Objects:
    """What was found in an image, or what is true of it; None is what is not known.

    Attributes:
        count: how many objects there are.
        boxes: x0, y0, width, height in pixels.
        points: the middle of each object, x and y in pixels.
        labels: an image in which 0 is background and every object has a number of its own.
        interval: the lowest and the highest count of the 90 % interval; of what was found only.
    """

    count: int
    boxes: Float[np.ndarray, "objects 4"] | None = None
    points: Float[np.ndarray, "objects 2"] | None = None
    labels: Int[np.ndarray, "h w"] | None = None
    interval: tuple[int, int] | None = None


def evaluate_images(pairs: Iterable[tuple[Objects, Objects]], *, distance: float = 5.0) -> dict[str, Any]:
    """Compare what was found in each image with the truth.

    Args:
        pairs: for each image what was found and what is true; they are looked at one after another.
        distance: how far apart, in pixels, the middles of a found object and of a true point may be.

    Returns:
        The numbers of `IMAGE_KEYS`, plain Python values that JSON can hold; None for what the truth cannot tell.

        `images`, `true_objects`, `found_objects`: how many.
        `count_accuracy`: the share of images whose count is right.
        `count_error`: the error of the total count, over the true total.
        `interval_coverage`: the share of images whose true count is in the 90 % interval.
        `box_f1`, `box_precision`, `box_recall`: of boxes whose IoU is 0.5 or more, over all images together.
        `point_f1`: of middles within `distance` of a true point, over all images together.
        `mask_iou`: the mean IoU of masks that overlap by half or more.
        `mask_ap50`: right / (right + wrong + missed) at an IoU of 0.5, averaged over the images.
        `mask_ap`: the same averaged over IoUs of 0.5, 0.55, ..., 0.95, as in the Data Science Bowl 2018.

    Raises:
        AttendError: there is no image, or a label image has another size than the true one.
    """
    counts, intervals, overlaps = [], [], []
    boxes: list[Hits] = []
    points: list[Hits] = []
    for number, (found, true) in enumerate(pairs):
        counts.append((found.count, true.count))
        if found.interval is not None:
            intervals.append((*found.interval, true.count))
        if found.boxes is not None and true.boxes is not None:
            boxes.append(box_hits(found.boxes, true.boxes))
        if found.points is not None and true.points is not None:
            points.append(point_hits(found.points, true.points, distance))
        if found.labels is not None and true.labels is not None:
            if found.labels.shape != true.labels.shape:
                sizes = " and ".join("x".join(map(str, one.shape)) for one in (found.labels, true.labels))
                raise AttendError(f"labels: of image {number}, from 0, are {sizes}; found and true must be of one size")
            overlaps.append(label_iou(found.labels, true.labels))
    if not counts:
        raise AttendError("evaluate_images: there are 0 images; it needs at least 1")
    inferred, true_counts = np.array(counts).T
    report: dict[str, Any] = dict.fromkeys(IMAGE_KEYS)
    report |= {"images": len(counts), "true_objects": int(true_counts.sum()), "found_objects": int(inferred.sum())}
    report["count_accuracy"] = float((inferred == true_counts).mean())
    report["count_error"] = total_count_error(inferred, true_counts)
    if intervals:
        low, high, truth = np.array(intervals).T
        report["interval_coverage"] = interval_coverage(np.stack([low, high], axis=1), truth)
    if boxes:
        total = sum(boxes, Hits())
        report |= {"box_f1": total.f1, "box_precision": total.precision, "box_recall": total.recall}
    if points:
        report["point_f1"] = sum(points, Hits()).f1
    if overlaps:
        report["mask_iou"] = matched_iou(overlaps)
        report["mask_ap50"] = float(np.mean([mask_hits(overlap).average_precision for overlap in overlaps]))
        report["mask_ap"] = mask_average_precision(overlaps)
    return report


IMAGE_KEYS = (
    "images",
    "true_objects",
    "found_objects",
    "count_accuracy",
    "count_error",
    "interval_coverage",
    "box_f1",
    "box_precision",
    "box_recall",
    "point_f1",
    "mask_iou",
    "mask_ap50",
    "mask_ap",
)
"""The keys of a report of `evaluate_images`, in order."""
