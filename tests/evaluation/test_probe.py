import numpy as np
import pytest

from attend.evaluation import what_probe_accuracy

N = 200


@pytest.fixture
def objects():
    """Two objects a scene, of 4 classes that `what` tells apart, inferred in the opposite order."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (N, 2))
    true_boxes = np.tile(np.array([[0.0, 0, 10, 10], [20, 20, 10, 10]]), (N, 1, 1))
    what = np.eye(4)[labels] + rng.normal(0, 0.1, (N, 2, 4))
    return {
        "what": what[:, ::-1],
        "boxes": true_boxes[:, ::-1] + 1,
        "counts": np.full(N, 2),
        "true_boxes": true_boxes,
        "labels": labels,
    }


def test_codes_that_hold_the_class_are_read_whatever_the_order(objects):
    assert what_probe_accuracy(**objects, seed=0) == 1


def test_codes_that_hold_nothing_score_at_chance(objects):
    noise = np.random.default_rng(1).normal(size=objects["what"].shape)
    assert what_probe_accuracy(**objects | {"what": noise}, seed=0) < 0.4


def test_scale_and_shift_of_the_codes_do_not_matter(objects):
    moved = objects | {"what": objects["what"] * [1e-3, 1, 1e3, 1] + 50}
    assert what_probe_accuracy(**moved, seed=0) == 1


def test_the_same_seed_gives_the_same_answer(objects):
    objects["what"] = objects["what"] + np.random.default_rng(1).normal(size=objects["what"].shape)
    assert what_probe_accuracy(**objects, seed=3) == what_probe_accuracy(**objects, seed=3)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.zeros((N, 2), int)},  # one class
        {"labels": np.full((N, 2), -1)},  # no label
        {"counts": np.zeros(N, int)},  # nothing inferred
        {"boxes": np.full((N, 2, 4), 100.0)},  # nothing found
    ],
)
def test_none_where_there_is_nothing_to_learn(objects, change):
    assert what_probe_accuracy(**objects | change, seed=0) is None


def test_none_for_a_single_scene(objects):
    assert what_probe_accuracy(**{name: array[:1] for name, array in objects.items()}, seed=0) is None
