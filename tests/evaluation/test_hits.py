"""Objects found, missed and made up, against brute force and by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attend.errors import AttendError
from attend.evaluation import (
    Hits,
    Objects,
    box_hits,
    evaluate_images,
    interval_coverage,
    label_iou,
    mask_average_precision,
    mask_hits,
    matched_iou,
    point_hits,
    total_count_error,
)


def test_scores_follow_from_the_numbers():
    hits = Hits(6, 2, 4)
    assert hits.precision == 6 / 8
    assert hits.recall == 6 / 10
    assert hits.f1 == pytest.approx(2 / (8 / 6 + 10 / 6))
    assert hits.average_precision == 6 / 12
    assert Hits(1, 2, 3) + Hits(4, 5, 6) == Hits(5, 7, 9)
    nothing = Hits()
    assert (nothing.precision, nothing.recall, nothing.f1, nothing.average_precision) == (1, 1, 1, 1)
    assert Hits(wrong=3).f1 == Hits(missed=3).f1 == 0


@given(arrays(float, (4, 2), elements=st.floats(0, 4)), arrays(float, (3, 2), elements=st.floats(0, 4)))
def test_points_are_paired_as_often_as_can_be(found, true):
    near = np.linalg.norm(found[:, None] - true, axis=-1) <= 1.5
    most = int(max(near[list(order), range(3)].sum() for order in permutations(range(4), 3)))
    assert point_hits(found, true, 1.5) == Hits(most, 4 - most, 3 - most)


def test_a_greedy_match_would_lose_a_pair():
    """The first found point is nearest to the first true one, which is the only one that the second can have."""
    found, true = np.array([[0.0, 0.0], [-4.0, 0.0]]), np.array([[-1.0, 0.0], [2.0, 0.0]])
    assert point_hits(found, true, 3.5) == Hits(2, 0, 0)
    assert point_hits(found, true, 2.5) == Hits(1, 1, 1)


def test_boxes_count_from_an_iou_of_the_threshold_on():
    true = np.array([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 4.0, 4.0]])
    found = np.array([[0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 5.0], [90.0, 0.0, 5.0, 5.0]])
    assert box_hits(found, true) == Hits(1, 2, 1)
    assert box_hits(found, true, 0.51) == Hits(0, 3, 2)
    assert box_hits(np.zeros((0, 4)), true) == Hits(0, 0, 2)
    assert box_hits(found, np.zeros((0, 4))) == Hits(0, 3, 0)


@given(arrays(np.int32, (6, 7), elements=st.integers(0, 4)), arrays(np.int32, (6, 7), elements=st.integers(0, 4)))
def test_the_overlap_of_labels_is_that_of_their_masks(found, true):
    overlap = label_iou(found, true)
    rows, columns = (np.setdiff1d(labels, 0) for labels in (found, true))
    assert overlap.shape == (len(rows), len(columns))
    for i, j in np.ndindex(overlap.shape):
        one, other = found == rows[i], true == columns[j]
        assert overlap[i, j] == pytest.approx((one & other).sum() / (one | other).sum())


def test_average_precision_of_masks_is_that_of_the_data_science_bowl():
    """An overlap of 0.72 counts at 0.5, 0.55, 0.6, 0.65 and 0.7, one of 0.93 up to 0.9."""
    one = np.array([[0.72, 0.1], [0.0, 0.93], [0.0, 0.0]])
    expected = (5 * 2 / 3 + 4 * 1 / 4 + 0) / 10
    assert mask_average_precision([one]) == pytest.approx(expected)
    assert mask_average_precision([one, np.zeros((0, 0))]) == pytest.approx((expected + 1) / 2)
    assert mask_average_precision([]) is None
    assert mask_hits(one) == Hits(2, 1, 0)
    assert matched_iou([one]) == pytest.approx((0.72 + 0.93) / 2)
    assert matched_iou([np.array([[0.4]])]) is None


def test_totals_and_intervals():
    assert total_count_error(np.array([3, 5]), np.array([4, 6])) == pytest.approx(0.2)
    assert total_count_error(np.array([5, 3]), np.array([4, 4])) == 0
    assert total_count_error(np.array([1]), np.array([0])) is None
    assert interval_coverage(np.array([[1, 3], [2, 2], [5, 9], [0, 4]]), np.array([3, 2, 4, 5])) == 0.5


def test_a_report_of_the_truth_itself_is_perfect_and_says_nothing_of_what_is_not_known():
    labels = np.zeros((20, 30), np.int32)
    labels[2:8, 3:9], labels[10:18, 12:20] = 1, 5
    boxes = np.array([[3.0, 2.0, 6.0, 6.0], [12.0, 10.0, 8.0, 8.0]])
    points = boxes[:, :2] + boxes[:, 2:] / 2
    found = Objects(2, boxes, points, labels, (1, 3))
    report = evaluate_images([(found, Objects(2, boxes, points, labels))] * 2)
    assert report.pop("images") == 2
    assert report.pop("true_objects") == report.pop("found_objects") == 4
    assert report.pop("count_error") == 0
    assert set(report.values()) == {1.0}
    report = evaluate_images([(found, Objects(4, points=points + 4.0))])
    assert (report["count_error"], report["count_accuracy"]) == (0.5, 0)
    assert report["interval_coverage"] == 0
    assert report["point_f1"] == 0
    assert {report[key] for key in report if key.startswith(("box", "mask"))} == {None}
    assert evaluate_images([(found, Objects(4, points=points + 4.0))], distance=6.0)["point_f1"] == 1


def test_labels_of_another_size_and_no_image_are_refused():
    one, other = (Objects(0, labels=np.zeros((4, side), int)) for side in (5, 6))
    with pytest.raises(AttendError, match="labels: of image 1, from 0, are 4x5 and 4x6"):
        evaluate_images([(one, one), (one, other)])
    with pytest.raises(AttendError, match="0 images"):
        evaluate_images([])
