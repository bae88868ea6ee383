import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend import Config, SceneData
from attend.baselines import Classifier, SceneNet, classifier_loss, fit_baseline, scene_loss, scene_targets
from attend.distributions import Gaussian, Window
from attend.errors import AttendError
from attend.geometry import box_window
from attend.q import Look

SIZE = (20, 20, 1)
CONFIG = Config().replace(max_objects=2, what=8, glimpse=8, scale=0.3, cell_widths=(8, 16, 16), encoder_widths=(32,))
LSTMS = ("lstm", "lstm-difference")


def scenes(n: int = 64, rows: int = 2) -> SceneData:
    """0 to 2 apart shapes: class 0 is a bright square of 6 pixels, class 1 a square with a hole."""
    generator = np.random.default_rng(0)
    counts, classes = generator.integers(0, 3, n), generator.integers(0, 2, (n, 2))
    images = np.zeros((n, *SIZE), np.uint8)
    boxes, labels = np.zeros((n, rows, 4), np.float32), np.full((n, rows), -1)
    for i in range(n):
        for j in range(counts[i]):
            x, y = generator.integers(0, 5) + 10 * j, generator.integers(0, 15)
            images[i, y : y + 6, x : x + 6] = 255
            if classes[i, j]:
                images[i, y + 2 : y + 4, x + 2 : x + 4] = 0
            boxes[i, j], labels[i, j] = (x, y, 6, 6), classes[i, j]
    return SceneData(images, counts, boxes, labels)


loss_of = eqx.filter_jit(scene_loss)


def make(cell: str) -> SceneNet:
    widths = {"cell_widths": (32,)} if cell in LSTMS else {}
    return SceneNet(CONFIG.replace(cell=cell, **widths).model, SIZE, 2, key=jax.random.key(0))


@pytest.mark.slow
def test_the_classifier_learns_the_labels():
    data = scenes()
    batch = {"images": data.images, "labels": data.counts.astype(np.int32)}
    module = Classifier(SIZE, 3, key=jax.random.key(0))
    module = fit_baseline(module, classifier_loss, batch, steps=60, batch_size=32, progress=False)
    found = module.predict(data.images)
    assert np.mean(found == data.counts) > 0.9
    loss, metrics = eqx.filter_jit(classifier_loss)(module, jax.tree.map(jnp.asarray, batch), jax.random.key(0), 0)
    assert float(metrics["accuracy"]) == pytest.approx(np.mean(found == data.counts))
    assert 0 <= float(loss) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "lstm-difference", "glance"])
def test_training_raises_the_probability_of_the_labels(cell):
    data, before = scenes(), make(cell)
    batch = scene_targets(data, 2)
    module = fit_baseline(before, scene_loss, batch, steps=60, batch_size=16, learning_rate=3e-3, progress=False)
    device_batch = jax.tree.map(jnp.asarray, batch)
    (old, _), (new, metrics) = (loss_of(m, device_batch, jax.random.key(1), 0) for m in (before, module))
    assert float(new) < float(old) - 1
    assert float(new) == pytest.approx(sum(float(metric) for metric in metrics.values()), rel=1e-5)
    for was, now in zip(jax.tree.leaves(before.cell), jax.tree.leaves(module.cell), strict=True):
        assert bool((was != now).any())


def test_predictions_are_deterministic_and_have_a_row_for_every_step():
    data, module = scenes(6), make("lstm")
    found = module.predict(data.images)
    assert found.counts.shape == (6,)
    assert found.where.shape == (6, 2, 3)
    assert found.boxes.shape == (6, 2, 4)
    assert found.classes.shape == (6, 2)
    assert found.counts.min() >= 0
    assert found.counts.max() <= 2
    for first, second in zip(found, module.predict(data.images), strict=True):
        np.testing.assert_array_equal(first, second)


def test_steps_take_pixels_apart_and_never_twice():
    image = jnp.asarray(scenes(3).images[2] / 255, jnp.float32)
    found = eqx.filter_jit(SceneNet.find)(make("lstm"), image)
    assert float(found.layers.min()) >= 0
    assert bool((jnp.sum(found.layers, axis=0) <= image + 1e-5).all())


class ScriptedCell(eqx.Module):
    """Says the given places and classes in the given order, whatever the image; its memory is the step."""

    presence_logits: jax.Array
    where: jax.Array
    what: jax.Array

    def start(self, image):
        return 0

    def __call__(self, memory, image, canvas, key):
        where, what = self.where[memory], self.what[memory]
        q_where = Window(where.at[0].apply(jnp.log), jnp.full(3, 0.1))
        look = Look(self.presence_logits[memory], q_where, Gaussian(what, jnp.ones(4)), where, what)
        return memory + 1, look


def scripted(where, classes, count: int) -> SceneNet:
    steps = len(classes)
    config = CONFIG.replace(max_objects=steps, what=4).model
    net = SceneNet(config, SIZE, 4, key=jax.random.key(0))
    presence_logits = jnp.where(jnp.arange(steps) < count, 20.0, -20.0)
    cell = ScriptedCell(presence_logits, jnp.asarray(where), jax.nn.one_hot(jnp.array(classes), 4))
    parts = (cell, 20 * jnp.eye(4), jnp.zeros(4))
    return eqx.tree_at(lambda net: (net.cell, net.classify.weight, net.classify.bias), net, parts)


WHERE = np.array([[0.3, -0.5, 0.0], [0.3, 0.5, 0.0], [0.4, 0.0, 0.6]], np.float32)
CLASSES = (0, 1, 2)


def loss_in(order, count: int, *, true_count: int = 2) -> float:
    order = list(order)
    batch = {
        "images": jnp.zeros((1, *SIZE)),
        "counts": jnp.array([true_count]),
        "where": jnp.asarray(WHERE)[None],
        "labels": jnp.array([CLASSES]),
    }
    net = scripted(WHERE[order], [CLASSES[i] for i in order], count)
    return float(loss_of(net, batch, jax.random.key(0), 0)[0])


def test_the_order_of_the_true_objects_does_not_matter():
    right = loss_in((0, 1, 2), 2)
    assert loss_in((1, 0, 2), 2) == pytest.approx(right, rel=1e-5)
    for order in ((0, 2, 1), (2, 1, 0), (1, 2, 0)):  # a true object is found only after the last that counts
        assert loss_in(order, 2) > right + 10


def test_rows_beyond_the_count_cost_nothing_and_a_wrong_count_does():
    assert loss_in((0, 1, 2), 0, true_count=0) == pytest.approx(0, abs=1e-4)
    assert loss_in((0, 1, 2), 1) > loss_in((0, 1, 2), 2) + 10


def test_targets_are_the_windows_over_the_boxes():
    data = scenes(10)
    targets = scene_targets(data, 3)
    assert targets["where"].shape == (10, 3, 3)
    row = int(np.flatnonzero(data.counts == 2)[0])
    np.testing.assert_allclose(
        targets["where"][row, 1], box_window(jnp.asarray(data.boxes[row, 1]), (20, 20)), rtol=1e-6
    )
    np.testing.assert_array_equal(targets["labels"][row, :2], data.labels[row])
    assert targets["labels"].min() == 0
    assert scene_targets(scenes(10, rows=5), 2)["where"].shape == (10, 2, 3)


def test_scenes_that_cannot_teach_are_named():
    data = scenes(10)
    with pytest.raises(AttendError, match=r"labels: are missing"):
        scene_targets(SceneData(data.images, data.counts, data.boxes), 2)
    with pytest.raises(AttendError, match=r"counts: a scene has 2 objects; max_objects is 1"):
        scene_targets(data, 1)
