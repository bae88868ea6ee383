"""Everything `attend evaluate` says, as one dictionary."""

from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
from jaxtyping import Float, Int

from attend.errors import AttendError
from attend.evaluation.boxes import average_precision, mean_iou
from attend.evaluation.counting import count_accuracy, count_accuracy_by_count, count_confusion, count_ece
from attend.evaluation.poses import pose_errors
from attend.evaluation.probe import what_probe_accuracy
from attend.scenes import Scenes


def evaluate(
    scenes: Scenes,
    *,
    counts: Int[np.ndarray, " n"] | None = None,
    boxes: Float[np.ndarray, "n objects 4"] | None = None,
    labels: Int[np.ndarray, "n objects"] | None = None,
    poses: Float[np.ndarray, "n objects 3"] | None = None,
    folds: Sequence[int] | None = None,
    elbo: SupportsFloat | None = None,
    iw_bound: SupportsFloat | None = None,
    images_per_second: SupportsFloat | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare inferred scenes with what is known of them.

    Args:
        scenes: what was inferred.
        counts: true counts; taken from the boxes when only those are known.
        boxes: true boxes, x0, y0, width, height in pixels, unused rows zero and last.
        labels: true classes, -1 unused.
        poses: true x and y in metres and yaw in radians of objects on a table.
        folds: of each kind of object, how many turns in a full one leave it as it is; 0 for any.
        elbo: mean evidence lower bound in nats, measured by the caller.
        iw_bound: mean importance-weighted bound in nats, measured by the caller.
        images_per_second: speed of inference, measured by the caller.
        seed: draws the halves of the probe.

    Returns:
        Plain Python values that JSON can hold; None for what the data cannot tell.

    Raises:
        AttendError: there is no scene, or a truth is not one per scene.
    """
    if len(scenes) == 0:
        raise AttendError("evaluate: there are 0 scenes; it needs at least 1")
    for name, truth in {"counts": counts, "boxes": boxes, "labels": labels, "poses": poses}.items():
        if truth is not None and len(truth) != len(scenes):
            raise AttendError(
                f"evaluate: {name} has {len(truth)} rows; it must have one for each of {len(scenes)} scenes"
            )
    if counts is None and boxes is not None:
        counts = (boxes[..., 2:].prod(axis=-1) > 0).sum(axis=1)

    report: dict[str, Any] = dict.fromkeys(KEYS)
    report["reconstruction_mse"] = float(np.mean((scenes.images - scenes.reconstructions) ** 2, dtype=float))
    measured = {"elbo": elbo, "iw_bound": iw_bound, "images_per_second": images_per_second}
    report |= {key: float(value) for key, value in measured.items() if value is not None}
    if counts is not None:
        report["count_accuracy"] = count_accuracy(scenes.counts, counts)
        report["count_confusion"] = count_confusion(scenes.counts, counts)
        report["count_accuracy_by_count"] = count_accuracy_by_count(scenes.counts, counts)
        report["count_ece"] = count_ece(scenes.count_probs, counts)
    if counts is not None and boxes is not None:
        report["mean_iou"] = mean_iou(scenes.boxes, scenes.listed, boxes, counts)
        report["ap50"] = average_precision(scenes.boxes, scenes.presence * scenes.exists, boxes, counts)
    if boxes is not None and labels is not None:
        report["what_probe_accuracy"] = what_probe_accuracy(
            scenes.what, scenes.boxes, scenes.listed, boxes, labels, seed
        )
    if poses is not None and labels is not None and folds is not None:
        kinds = scenes.what[..., : len(folds)].argmax(axis=-1)
        errors = pose_errors(scenes.where, kinds, scenes.listed, poses, labels, folds)
        if len(errors.identity):
            report["identity_accuracy"] = float(errors.identity.mean())
            report["position_error_m"] = float(np.median(errors.position))
        if len(errors.yaw):
            report["yaw_error_rad"] = float(np.median(errors.yaw))
    return report


KEYS = (
    "count_accuracy",
    "count_confusion",
    "count_accuracy_by_count",
    "count_ece",
    "mean_iou",
    "ap50",
    "elbo",
    "iw_bound",
    "reconstruction_mse",
    "what_probe_accuracy",
    "identity_accuracy",
    "position_error_m",
    "yaw_error_rad",
    "images_per_second",
)
"""The keys of a report, in order."""
