import dataclasses
import json

import numpy as np
import pytest

from attend.errors import AttendError
from attend.evaluation import evaluate
from attend.scenes import Scenes

KEYS = [
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
]
COUNTS = np.tile([0, 1, 2], 40)
TRUE_BOXES = np.array([[1.0, 2, 5, 5], [10, 10, 6, 4]]) * (np.arange(2) < COUNTS[:, None])[..., None]
LABELS = np.where(np.arange(2) < COUNTS[:, None], np.arange(2), -1)


@pytest.fixture
def scenes():
    """Perfect inference of 120 scenes."""
    batch = len(COUNTS)
    images = np.random.default_rng(0).random((batch, 20, 20, 1))
    return Scenes(
        images=images,
        reconstructions=images,
        where=np.zeros((batch, 2, 3)),
        where_sd=np.ones((batch, 2, 3)),
        what=np.tile(np.eye(2), (batch, 1, 1)),
        what_sd=np.ones((batch, 2, 2)),
        count_probs=np.eye(3)[COUNTS],
        boxes=np.tile([[1.0, 2, 5, 5], [10, 10, 6, 4]], (batch, 1, 1)),
        patches=np.zeros((batch, 2, 8, 8, 1)),
    )


def test_perfect_scenes_get_a_perfect_report(scenes):
    report = evaluate(
        scenes, counts=COUNTS, boxes=TRUE_BOXES, labels=LABELS,
        elbo=np.float32(1), iw_bound=2.0, images_per_second=3.0,
    )  # fmt: skip
    assert json.loads(json.dumps(report)) == {
        "count_accuracy": 1,
        "count_confusion": [[40, 0, 0], [0, 40, 0], [0, 0, 40]],
        "count_accuracy_by_count": {"0": 1, "1": 1, "2": 1},
        "count_ece": 0,
        "mean_iou": 1,
        "ap50": 1,
        "elbo": 1,
        "iw_bound": 2,
        "reconstruction_mse": 0,
        "what_probe_accuracy": 1,
        "identity_accuracy": None,
        "position_error_m": None,
        "yaw_error_rad": None,
        "images_per_second": 3,
    }
    assert list(report) == KEYS


def test_keys_without_data_are_none(scenes):
    report = evaluate(scenes)
    assert list(report) == KEYS
    assert {key for key, value in report.items() if value is not None} == {"reconstruction_mse"}
    report = evaluate(scenes, counts=COUNTS)
    assert report["count_accuracy"] == 1
    assert report["mean_iou"] is report["ap50"] is report["what_probe_accuracy"] is None


def test_counts_follow_from_boxes(scenes):
    assert evaluate(scenes, boxes=TRUE_BOXES) == evaluate(scenes, boxes=TRUE_BOXES, counts=COUNTS)


def test_reconstruction_error_is_a_mean_square(scenes):
    off = Scenes(**vars(scenes) | {"reconstructions": scenes.images + 0.1})
    assert evaluate(off)["reconstruction_mse"] == pytest.approx(0.01)


def test_truth_of_another_length_is_refused_by_name(scenes):
    with pytest.raises(AttendError, match="counts has 3 rows"):
        evaluate(scenes, counts=COUNTS[:3])
    with pytest.raises(AttendError, match="0 scenes"):
        evaluate(scenes[:0])


def test_poses_are_compared_where_they_and_the_symmetries_are_known(scenes):
    poses = np.random.default_rng(0).normal(size=(*LABELS.shape, 3)) * (LABELS >= 0)[..., None]
    scenes = dataclasses.replace(scenes, where=poses + np.array([0.03, 0.04, 0.1]))
    report = evaluate(scenes, counts=COUNTS, labels=LABELS, poses=poses, folds=(1, 0))
    assert report["identity_accuracy"] == 1
    assert report["position_error_m"] == pytest.approx(0.05)
    assert report["yaw_error_rad"] == pytest.approx(0.1)
    assert evaluate(scenes, counts=COUNTS, labels=LABELS, poses=poses)["identity_accuracy"] is None
