import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.evaluation import count_accuracy, count_accuracy_by_count, count_confusion, count_ece

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30).map(
    lambda rows: np.array(rows).T
)


@given(pairs)
def test_the_three_views_of_the_counts_agree(counts):
    inferred, true = counts
    confusion = np.array(count_confusion(inferred, true))
    assert confusion.sum() == len(true)
    assert confusion.shape == (counts.max() + 1, counts.max() + 1)
    np.testing.assert_array_equal(confusion.sum(1), np.bincount(true, minlength=len(confusion)))
    np.testing.assert_array_equal(confusion.sum(0), np.bincount(inferred, minlength=len(confusion)))
    assert count_accuracy(inferred, true) == pytest.approx(np.trace(confusion) / len(true))
    by_count = count_accuracy_by_count(inferred, true)
    assert set(by_count) == {str(count) for count in true}
    for count, accuracy in by_count.items():
        row = confusion[int(count)]
        assert accuracy == pytest.approx(row[int(count)] / row.sum())


def test_rows_of_the_confusion_are_the_truth():
    assert count_confusion(np.array([1]), np.array([0])) == [[0, 1], [0, 0]]


def test_certain_predictions_are_off_by_their_error_rate():
    certain = np.eye(3)[[0, 1, 2, 2]]
    assert count_ece(certain, np.array([0, 1, 2, 2])) == 0
    assert count_ece(certain, np.array([0, 1, 2, 0])) == pytest.approx(0.25)
    assert count_ece(certain, np.array([0, 1, 2, 7])) == pytest.approx(0.25)  # a count beyond N


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_ece_equals_its_definition(seed, bins):
    rng = np.random.default_rng(seed)
    probs, true = rng.dirichlet(np.ones(3), 40), rng.integers(0, 3, 40)
    confidence, right = probs.max(1), probs.argmax(1) == true
    expected = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert count_ece(probs, true, bins) == pytest.approx(expected)


@pytest.mark.slow
def test_truth_drawn_from_the_prediction_is_calibrated():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4), 200_000)
    true = (probs.cumsum(1) < rng.random((200_000, 1))).sum(1)
    assert count_ece(probs, true) < 0.01
