from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from scipy.stats import spearmanr

from attend.data import SHAPES, SceneData
from attend.errors import AttendError
from attend.experiments.estimators import gradient_noise
from attend.experiments.multi_mnist import order_figure
from attend.experiments.numbers import mse, spread
from attend.experiments.omniglot import rank_correlation, strokes_in_colours
from attend.experiments.probes import CodeProbe, ObjectProbe, probe_accuracy, varied
from attend.experiments.representation import ORDER, RULES, SUM, air_code, answers_of
from attend.experiments.sprites import cluster_accuracy
from attend.experiments.truth import truth_of


def test_clusters_are_right_whatever_their_order_and_wrong_where_they_mix_classes():
    classes = np.random.default_rng(1).integers(len(SHAPES), size=2000)
    assert cluster_accuracy(classes, classes) == 1.0
    assert cluster_accuracy((classes + 1) % len(SHAPES), classes) == 1.0
    mixed = np.where(classes == 0, 1, classes)
    assert cluster_accuracy(mixed, classes) == pytest.approx(1 - min(np.mean(classes == 0), np.mean(classes == 1)))
    assert cluster_accuracy(np.zeros(0, int), np.zeros(0, int)) == 0.0


def test_rank_correlation_agrees_with_scipy_and_is_0_for_one_count():
    rng = np.random.default_rng(0)
    a, b = rng.integers(5, size=(2, 200))
    assert rank_correlation(a, a + b) == pytest.approx(spearmanr(a, a + b).statistic)
    assert rank_correlation(np.ones(200), b) == 0.0


def test_the_code_of_two_objects_has_the_left_one_first_and_zeros_for_a_missing_one():
    scenes = tiny.model().infer(tiny.images(20))
    code = air_code(scenes).reshape(20, 2, -1)
    objects = np.concatenate([scenes.what, scenes.where], axis=2)
    for row, count in enumerate(scenes.counts):
        assert not code[row, count:].any()
        found = sorted(objects[row, :count].tolist(), key=lambda values: values[-2])
        np.testing.assert_allclose(code[row, :count], np.array(found).reshape(code[row, :count].shape), rtol=1e-6)


def test_the_answers_read_the_digits_from_left_to_right():
    boxes = np.array([[[0, 0, 4, 4], [9, 0, 4, 4]], [[9, 0, 4, 4], [0, 0, 4, 4]]], np.float32)
    data = SceneData(np.zeros((2, 20, 20, 1), np.uint8), np.array([2, 2]), boxes, np.array([[3, 7], [3, 7]]))
    answers = answers_of(data)
    assert answers[SUM].tolist() == [10, 10]
    assert answers[ORDER].tolist() == [1, 0]


def test_scenes_of_which_something_is_unknown_are_refused():
    with pytest.raises(AttendError, match="missing"):
        truth_of(SceneData(np.zeros((2, 4, 4, 1), np.uint8)))


@pytest.mark.slow
@pytest.mark.parametrize("task", RULES)
def test_object_by_object_a_task_is_learned_from_fewer_labels(task):
    rng = np.random.default_rng(0)
    pictures = np.zeros((10, 16, 16, 1), np.float32)  # each is bright in a place of its own
    for digit, picture in enumerate(pictures):
        picture[4 * (digit // 4) :, 4 * (digit % 4) :][:4, :4] = 1

    def make(n):
        digits = rng.integers(10, size=(n, 2))
        codes = 2 * np.eye(10)[digits] + 0.3 * rng.standard_normal((n, 2, 10))
        return codes.reshape(n, 20).astype(np.float32), RULES[task][tuple(digits.T)]

    def draw(code):
        return jnp.tensordot(code / 2, pictures, 1)

    train, test = make(300), make(500)  # of which 150 are labelled
    plain, by_object = (
        probe_accuracy(probe, train, test, labelled=150, classes=19, steps=600, seed=0)
        for probe in (CodeProbe, partial(ObjectProbe, draw=draw, rule=RULES[task]))
    )
    assert plain > {SUM: 0.15, ORDER: 0.6}[task]
    assert by_object > plain
    assert by_object > 0.9


def test_a_varied_picture_is_moved_by_little_and_keeps_its_light():
    picture = np.zeros((24, 24, 2), np.float32)
    picture[9:15, 9:15, 0], picture[6:9, 12, 1] = 1, 0.5
    many = np.asarray(jax.vmap(partial(varied, jnp.asarray(picture)))(jax.random.split(jax.random.key(0), 200)))
    light = many.sum(axis=(1, 2))
    np.testing.assert_allclose(light.mean(axis=0), picture.sum(axis=(0, 1)), rtol=0.1)
    middle = np.stack([many[..., 0].sum(axis) @ np.arange(24) / light[:, 0] for axis in (1, 2)])
    moved = np.abs(middle - 11.5)
    assert 1 < moved.max() < 3


@pytest.mark.slow
def test_summing_the_count_out_leaves_less_noise_than_drawing_it(settings):
    data = SceneData((255 * tiny.images(64)).astype(np.uint8))
    noise = {
        name: gradient_noise(settings, name, tiny.model(), tiny.config(), 0, data)[0]
        for name in ("exact", "nvil", "nvil-no-baseline")
    }
    assert 0 < noise["exact"] < noise["nvil"] < noise["nvil-no-baseline"]


def test_strokes_are_painted_where_objects_are_and_nowhere_else():
    scenes = tiny.model().infer(tiny.images(20))
    painted = strokes_in_colours(scenes)
    assert painted.shape == (20, 8, 8, 3)
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert not painted[scenes.counts == 0].any()


def test_the_order_of_attention_has_a_panel_for_each_step():
    scenes = tiny.model().infer(tiny.images(20))
    assert len(order_figure(scenes, np.array([0, 2])).axes) == 2


def test_numbers():
    assert spread([0.5]) == "50.0%"
    assert spread([None]) == "-"
    assert spread([3.0, 1.0, 2.0], "{:.0f}") == "2 (1 to 3)"
    assert mse(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5)) == 0.25
