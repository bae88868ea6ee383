"""How well inferred scenes agree with known ones: counts, boxes, poses, appearance, and one report of it all."""

from attend.evaluation.boxes import average_precision, iou, match, matches, mean_iou
from attend.evaluation.counting import (
    count_accuracy,
    count_accuracy_by_count,
    count_confusion,
    count_ece,
    count_reliability,
    interval_coverage,
    total_count_error,
)
from attend.evaluation.hits import (
    Hits,
    box_hits,
    label_iou,
    mask_average_precision,
    mask_hits,
    matched_iou,
    point_hits,
)
from attend.evaluation.images import Objects, evaluate_images
from attend.evaluation.poses import PoseErrors, pose_errors
from attend.evaluation.probe import what_probe_accuracy
from attend.evaluation.report import evaluate

__all__ = [
    "Hits",
    "Objects",
    "PoseErrors",
    "average_precision",
    "box_hits",
    "count_accuracy",
    "count_accuracy_by_count",
    "count_confusion",
    "count_ece",
    "count_reliability",
    "evaluate",
    "evaluate_images",
    "interval_coverage",
    "iou",
    "label_iou",
    "mask_average_precision",
    "mask_hits",
    "match",
    "matched_iou",
    "matches",
    "mean_iou",
    "point_hits",
    "pose_errors",
    "total_count_error",
    "what_probe_accuracy",
]
