import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.evaluation import average_precision, iou, match, mean_iou

seeds = st.integers(0, 2**32 - 1)


def random_boxes(rng, *shape):
    return rng.integers(1, 12, (*shape, 4)).astype(float)


def random_data(seed, n=12):
    """True boxes, and detections near some of them, with distinct scores."""
    rng = np.random.default_rng(seed)
    true, counts = random_boxes(rng, n, 3), rng.integers(0, 4, n)
    counts[0] = 3
    boxes = np.where(rng.random((n, 3, 1)) < 0.7, true[:, rng.permutation(3)], random_boxes(rng, n, 3))
    boxes = np.maximum(boxes + rng.integers(-1, 2, boxes.shape), 1.0)
    scores = rng.permutation(np.arange(1, 3 * n + 1)).reshape(n, 3) / (3 * n + 1)
    return boxes, scores, true, counts


@given(seeds)
def test_iou_counts_pixels(seed):
    rng = np.random.default_rng(seed)
    a, b = random_boxes(rng, 2), random_boxes(rng, 3)

    def pixels(box):
        x0, y0, width, height = box.astype(int)
        return set(itertools.product(range(x0, x0 + width), range(y0, y0 + height)))

    for i, j in itertools.product(range(2), range(3)):
        p, q = pixels(a[i]), pixels(b[j])
        assert iou(a, b)[i, j] == pytest.approx(len(p & q) / len(p | q))


@given(seeds, st.floats(0.1, 10), st.floats(-50, 50))
def test_iou_is_symmetric_and_ignores_scale_and_shift(seed, scale, shift):
    rng = np.random.default_rng(seed)
    a, b = random_boxes(rng, 2), random_boxes(rng, 3)
    np.testing.assert_allclose(iou(a, b), iou(b, a).T)
    offset = np.array([shift, shift, 0, 0])
    np.testing.assert_allclose(iou(a, b), iou(a * scale + offset, b * scale + offset), atol=1e-9)
    np.testing.assert_allclose(np.diag(iou(a, a)), 1)


def test_empty_boxes_overlap_nothing():
    assert iou(np.zeros((1, 4)), np.array([[0.0, 0, 0, 0], [0, 0, 5, 5]])).sum() == 0


@given(seeds, st.integers(0, 4), st.integers(0, 4))
def test_match_is_the_best_of_all_one_to_one_pairings(seed, a, b):
    rng = np.random.default_rng(seed)
    pred, true = random_boxes(rng, a), random_boxes(rng, b)
    rows, columns = match(pred, true)
    assert len(set(rows)) == len(rows) == len(set(columns))
    overlap = iou(pred, true)
    assert (overlap[rows, columns] > 0).all()
    long, short = (overlap, b) if a >= b else (overlap.T, a)
    best = max(
        sum(long[row, column] for column, row in enumerate(chosen))
        for chosen in itertools.permutations(range(len(long)), short)
    )
    assert overlap[rows, columns].sum() == pytest.approx(best)


def test_mean_iou_by_hand():
    true = np.array([[[0.0, 0, 10, 10], [20, 20, 10, 10]]])
    half = np.array([[[20.0, 20, 10, 5], [0, 0, 10, 10]]])
    two, one, none = np.array([2]), np.array([1]), np.array([0])
    assert mean_iou(half, two, true, two) == pytest.approx(0.75)
    assert mean_iou(half, one, true, two) == pytest.approx(0.25)  # the second object is missed
    assert mean_iou(half, none, true, two) == 0
    assert mean_iou(half, two, true, none) is None


@given(seeds)
def test_mean_iou_ignores_the_order_of_objects(seed):
    boxes, _, true, counts = random_data(seed)
    three = np.full(len(boxes), 3)
    assert mean_iou(boxes, three, true, counts) == pytest.approx(mean_iou(boxes[:, ::-1], three, true, counts))
    assert mean_iou(true, counts, true, counts) == pytest.approx(1)


def test_average_precision_by_hand():
    # Ranked right, wrong, right of 2 scenes with 3 true boxes: precision 1 up to recall 1/3 (34 of the 101
    # recalls: 0 to 0.33), 2/3 up to recall 2/3 (33 recalls: 0.34 to 0.66), then 0.
    true = np.array([[[0.0, 0, 10, 10], [20, 20, 10, 10]], [[0, 0, 10, 10], [0, 0, 0, 0]]])
    boxes = np.array([[[0.0, 0, 10, 10], [0, 0, 10, 9]], [[0, 0, 10, 8], [40, 40, 5, 5]]])
    scores = np.array([[0.9, 0.8], [0.7, 0.0]])  # the second box finds an object that is already taken
    expected = (34 * 1 + 33 * 2 / 3) / 101
    assert average_precision(boxes, scores, true, np.array([2, 1])) == pytest.approx(expected)
    assert average_precision(boxes, scores, true, np.array([2, 1]), threshold=0.85) == pytest.approx(34 / 101)


@given(seeds, st.sampled_from([0.3, 0.5, 0.75]))
def test_average_precision_equals_brute_force(seed, threshold):
    boxes, scores, true, counts = random_data(seed)
    taken, hits = set(), []
    for flat in np.argsort(-scores.ravel()):  # one list over the whole data set
        scene, row = divmod(int(flat), 3)
        free = [j for j in range(counts[scene]) if (scene, j) not in taken]
        overlap = iou(boxes[scene, row][None], true[scene])[0]
        best = max(free, key=lambda j: overlap[j], default=None)
        hits.append(best is not None and overlap[best] >= threshold)
        if hits[-1]:
            taken.add((scene, best))
    precision = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits))]
    recall = [sum(hits[: k + 1]) / counts.sum() for k in range(len(hits))]
    expected = np.mean(
        [
            max((p for p, r in zip(precision, recall, strict=True) if r >= wanted), default=0)
            for wanted in np.linspace(0, 1, 101)
        ]
    )
    assert average_precision(boxes, scores, true, counts, threshold) == pytest.approx(expected)


@given(seeds)
def test_average_precision_depends_only_on_the_ranking(seed):
    boxes, scores, true, counts = random_data(seed)
    reference = average_precision(boxes, scores, true, counts)
    shuffle = np.random.default_rng(seed).permutation(len(boxes))
    assert average_precision(boxes, scores**3, true, counts) == reference
    assert average_precision(boxes[:, ::-1], scores[:, ::-1], true, counts) == reference
    assert average_precision(boxes[shuffle], scores[shuffle], true[shuffle], counts[shuffle]) == reference


@given(seeds)
def test_worse_detections_never_raise_the_average_precision(seed):
    boxes, scores, true, counts = random_data(seed)
    reference = average_precision(boxes, scores, true, counts)
    assert 0 <= reference <= 1
    lost = scores * (np.arange(len(boxes)) > 0)[:, None]  # nothing detected in the first scene
    all_wrong = np.where((np.arange(len(boxes)) > 0)[:, None, None], boxes, [90.0, 90, 1, 1])
    assert average_precision(all_wrong, scores, true, counts) <= average_precision(boxes, lost, true, counts)
    assert average_precision(all_wrong, scores, true, counts) <= reference


def test_perfect_and_absent_detections():
    _, scores, true, counts = random_data(0)
    exists = np.arange(3) < counts[:, None]
    true[..., :2] += 20 * np.arange(3)[:, None]  # apart, so that none can take another's box
    assert average_precision(true, scores * exists, true, counts) == 1
    assert average_precision(true, scores * 0, true, counts) == 0
    assert average_precision(true, scores, true, counts * 0) is None
