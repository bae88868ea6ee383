import numpy as np
import pytest

from attend.evaluation import pose_errors

TRUE = np.array([[[0.1, 0.0, 0.2], [-0.3, 0.2, -1.0]], [[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]], np.float32)
KINDS = np.array([[0, 1], [2, -1]])
FOLDS = (4, 0, 1)
COUNTS = np.array([2, 1])


def test_the_truth_has_no_error_in_any_order():
    for order in ([0, 1], [1, 0]):
        where, kinds = TRUE.copy(), KINDS.copy()
        where[0], kinds[0] = TRUE[0, order], KINDS[0, order]
        errors = pose_errors(where, kinds, COUNTS, TRUE, KINDS, FOLDS)
        assert errors.identity.all()
        assert len(errors.identity) == 3
        np.testing.assert_allclose(errors.position, 0, atol=1e-6)
        np.testing.assert_allclose(errors.yaw, 0, atol=1e-6)
        assert sorted(errors.turnable) == [0, 2]


@pytest.mark.parametrize(("turn", "cube", "mug"), [(np.pi / 2, 0, np.pi / 2), (0.3, 0.3, 0.3), (2 * np.pi, 0, 0)])
def test_a_turn_counts_as_far_as_it_can_be_seen(turn, cube, mug):
    errors = pose_errors(TRUE + np.array([0, 0, turn]), KINDS, COUNTS, TRUE, KINDS, FOLDS)
    by_kind = dict(zip(errors.turnable, errors.yaw, strict=True))
    assert by_kind[0] == pytest.approx(cube, abs=1e-5)
    assert by_kind[2] == pytest.approx(mug, abs=1e-5)


def test_places_are_compared_in_metres_and_kinds_by_name():
    where, kinds = TRUE + np.array([0.03, 0.04, 0]), np.where(KINDS == 1, 0, KINDS)
    errors = pose_errors(where, kinds, COUNTS, TRUE, KINDS, FOLDS)
    np.testing.assert_allclose(errors.position, 0.05, atol=1e-6)
    assert errors.identity.mean() == pytest.approx(2 / 3)


def test_only_pairs_are_compared():
    errors = pose_errors(TRUE, KINDS, np.array([1, 0]), TRUE, KINDS, FOLDS)
    assert len(errors.position) == 1
    assert pose_errors(TRUE, KINDS, np.array([0, 0]), TRUE, KINDS, FOLDS).identity.size == 0
