"""q of the background's code: a guess, and corrections that come in late."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import attend
from attend.config import Config
from attend.data import SceneData
from attend.fitting import start_training
from attend.model import Model
from attend.p import backgrounds
from attend.q import BackdropEncoder, WithBackdrop
from attend.q.backdrop import shrunken

SIZE = (12, 12, 3)
CODE = 6
CONFIG = Config().replace(background="learned", background_code=CODE, scale=0.5, coarseness=0.5)


def background():
    return backgrounds.make(CONFIG.model.background, CONFIG.model, SIZE, key=jax.random.key(0))


def with_corrections(times: int) -> WithBackdrop:
    q = Model.create(CONFIG.replace(background_corrections=times).model, SIZE, jax.random.key(1)).q
    assert isinstance(q, WithBackdrop)
    return q


def encoder(times: int) -> BackdropEncoder:
    return with_corrections(times).backdrop


def test_without_corrections_there_is_nothing_to_learn_for_them():
    q = with_corrections(0)
    assert q.backdrop.correction is None
    assert q.corrected(jnp.array(0.5)) is q


def test_corrections_begin_as_none():
    image = jax.random.uniform(jax.random.key(2), SIZE)
    guess, corrected = encoder(0)(image, background()), encoder(2)(image, background())
    np.testing.assert_array_equal(guess.mean, corrected.mean)
    np.testing.assert_array_equal(guess.sd, corrected.sd)


def solving(times: int) -> WithBackdrop:
    """Corrected by the pseudo-inverse of how the shrunken background depends on the code."""
    paint = background()
    slope = jax.jacobian(lambda code: shrunken(paint(code)))(jnp.zeros(CODE))
    return eqx.tree_at(lambda q: q.backdrop.correction, with_corrections(times), jnp.linalg.pinv(slope))


def test_each_correction_brings_the_code_nearer_to_the_best():
    paint, code = background(), jax.random.normal(jax.random.key(3), (CODE,))
    off = [np.abs(solving(times).backdrop(paint(code), paint).mean - code).max() for times in (1, 2, 4)]
    guess = np.abs(encoder(0)(paint(code), paint).mean - code).max()
    assert off[0] < 0.3 * guess
    assert off[1] < 0.3 * off[0]
    assert off[2] < 0.3 * off[1]


def test_so_much_of_a_correction_is_made_as_the_weight_says():
    image, paint = jax.random.uniform(jax.random.key(2), SIZE), background()
    none, half, whole = (solving(1).corrected(jnp.array(w)).backdrop(image, paint).mean for w in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(none, encoder(0)(image, paint).mean)
    np.testing.assert_allclose(half, (none + whole) / 2, atol=1e-5)
    assert np.abs(whole - none).max() > 0.1


SMALL = CONFIG.replace(
    max_objects=1,
    cell_widths=(4, 4, 4),
    what=2,
    glimpse=4,
    encoder_widths=(5,),
    decoder_widths=(5,),
    steps=4,
    batch_size=8,
    warmup_steps=1,
)
IMAGES = np.random.default_rng(0).integers(0, 256, (16, *SIZE), np.uint8)


def trained(corrections: int, start: int) -> Model:
    """A model after 4 steps."""
    settings = SMALL.replace(background_corrections=corrections, corrections_from=start, corrections_anneal_steps=1)
    return attend.fit(IMAGES, config=settings, seed=0, progress=False)


@pytest.mark.usefixtures("one_compiled_with_care")
def test_until_they_are_due_corrections_change_nothing():
    without, late = trained(0, 0), trained(2, 3)
    assert not np.any(late.q.backdrop.correction)
    for a, b in zip(jax.tree.leaves(without.p), jax.tree.leaves(late.p), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(jax.tree.leaves(without.q.backdrop.network), jax.tree.leaves(late.q.backdrop.network), strict=True):
        np.testing.assert_array_equal(a, b)


def test_from_then_on_they_are_learned():
    assert np.abs(trained(2, 1).q.backdrop.correction).max() > 0


def test_counts_are_watched_with_as_much_of_them_as_has_come_in(monkeypatch):
    weights = []

    def corrected(q, weight):
        if not isinstance(weight, jax.core.Tracer):  # as it is in the training step
            weights.append(float(weight))
        return q

    monkeypatch.setattr(WithBackdrop, "corrected", corrected)
    monkeypatch.setattr("attend.fitting.LOG_EVERY", 2)
    monkeypatch.setattr("attend.fitting.EVALUATE_EVERY", 2)
    scenes = SceneData(images=IMAGES, counts=np.zeros(len(IMAGES), np.int64))
    settings = SMALL.replace(background_corrections=1, corrections_from=2, corrections_anneal_steps=4, steps=6)
    attend.fit(scenes, config=settings, validation=scenes, progress=False)
    assert weights == [0.0, 0.5, 1.0, 1.0, 1.0]  # the last two to refit p(n), and in the model that is returned


def test_a_model_read_half_way_has_as_much_of_them_as_its_training():
    settings = SMALL.replace(background_corrections=1, corrections_from=2, corrections_anneal_steps=2)
    start = start_training(settings, SIZE, 0)
    state = eqx.tree_at(lambda s: s.params[0].q.backdrop.correction, start.state, replace_fn=jnp.ones_like)
    for step, weight in ((0, 0.0), (2, 0.0), (3, 0.5), (4, 1.0)):
        model = start.model(eqx.tree_at(lambda s: s.step, state, jnp.asarray(step, jnp.int32)))
        assert np.all(model.q.backdrop.correction == weight)


def test_they_are_saved_and_read_with_the_model(tmp_path):
    model = trained(2, 1)
    model.save(tmp_path / "model.npz")
    images = np.random.default_rng(1).random((2, *SIZE)).astype(np.float32)
    np.testing.assert_array_equal(
        attend.load(tmp_path / "model.npz").infer(images).reconstructions, model.infer(images).reconstructions
    )
