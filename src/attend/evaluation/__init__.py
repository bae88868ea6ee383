"""How well inferred scenes agree with known ones: counts, boxes, poses, appearance, and one report of it all."""

from attend.evaluation.boxes import average_precision, iou, match, matches, mean_iou
from attend.evaluation.counting import (
    count_accuracy,
    count_accuracy_by_count,
    count_confusion,
    count_ece,
    count_reliability,
)
from attend.evaluation.poses import PoseErrors, pose_errors
from attend.evaluation.probe import what_probe_accuracy
from attend.evaluation.report import evaluate

__all__ = [
    "PoseErrors",
    "average_precision",
    "count_accuracy",
    "count_accuracy_by_count",
    "count_confusion",
    "count_ece",
    "count_reliability",
    "evaluate",
    "iou",
    "match",
    "matches",
    "mean_iou",
    "pose_errors",
    "what_probe_accuracy",
]
