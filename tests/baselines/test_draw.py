import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attend.baselines import Draw
from attend.baselines.draw import Attention, attention, filterbank, read, write

number = st.floats(-2, 2, width=32)


@settings(max_examples=25, deadline=None)
@given(st.tuples(number, number, number, number, number))
def test_every_filter_is_a_weighted_mean_wherever_the_grid_lies(raw):
    at = attention(jnp.array(raw), 5, (20, 30))
    assert at.rows.shape == (5, 20)
    assert at.columns.shape == (5, 30)
    for bank in (at.rows, at.columns):
        assert float(bank.min()) >= 0
        np.testing.assert_allclose(bank.sum(axis=1), 1, rtol=1e-5)


def test_filters_stand_where_they_were_put():
    bank = filterbank(jnp.array(10.0), jnp.array(3.0), jnp.array(0.5), 4, 21)
    np.testing.assert_allclose(bank @ jnp.arange(21), [5.5, 8.5, 11.5, 14.5], atol=1e-4)


def test_the_grid_at_rest_spans_the_image():
    at = attention(jnp.zeros(5), 5, (17, 17))
    assert at.rows.argmax(axis=1).tolist() == at.columns.argmax(axis=1).tolist() == [0, 4, 8, 12, 16]
    assert float(at.intensity) == 1


def test_x_moves_the_grid_to_the_right_and_y_down():
    def centre(bank):
        return float(jnp.mean(bank @ jnp.arange(bank.shape[1])))

    at, right, down = (attention(jnp.array([x, y, 0, -2, 0.0]), 3, (40, 40)) for x, y in ((0, 0), (0.5, 0), (0, 0.5)))
    assert centre(right.columns) > centre(at.columns) + 5
    assert centre(right.rows) == centre(at.rows)
    assert centre(down.rows) > centre(at.rows) + 5
    assert centre(down.columns) == centre(at.columns)


def test_sharp_filters_on_every_pixel_read_and_write_the_image_itself():
    identity = filterbank(jnp.array(4.0), jnp.array(1.0), jnp.array(1e-3), 9, 9)
    image = jax.random.uniform(jax.random.key(0), (9, 9, 3))
    at = Attention(identity, identity, jnp.array(2.0))
    np.testing.assert_allclose(read(image, at), 2 * image, rtol=1e-5)
    np.testing.assert_allclose(write(image, at), image / 2, rtol=1e-5)
    np.testing.assert_allclose(write(read(image, at), at), image, rtol=1e-5)


def test_write_is_the_transpose_of_read_with_the_inverse_intensity():
    raw = jnp.array([0.3, -0.2, 0.4, -0.5, 0.7])
    at = attention(raw, 4, (12, 15))
    image = jax.random.normal(jax.random.key(1), (12, 15, 2))
    patch = jax.random.normal(jax.random.key(2), (4, 4, 2))
    left = jnp.sum(read(image, at) * patch) / at.intensity
    assert float(left) == pytest.approx(float(jnp.sum(image * write(patch, at)) * at.intensity), rel=1e-4)


def test_each_step_has_a_latent_and_a_kl_of_its_own():
    draw = Draw((10, 14, 3), steps=2, patch=4, hidden=16, latent=5, key=jax.random.key(0))
    strokes = eqx.filter_jit(Draw.unroll)(draw, jax.random.uniform(jax.random.key(1), (10, 14, 3)))
    assert strokes.means.shape == (2, 5)
    assert strokes.kl.shape == (2,)
    assert bool((strokes.kl > 0).all())
    assert bool((strokes.means[0] != strokes.means[1]).any())


def test_before_the_first_stroke_the_canvas_is_the_learned_one():
    draw = Draw((8, 8, 1), steps=1, patch=3, hidden=8, latent=2, key=jax.random.key(0))
    blank = jnp.linspace(-3, 3, 64).reshape(8, 8, 1)
    unpainting = jax.tree.map(jnp.zeros_like, draw.paint)
    draw = eqx.tree_at(lambda draw: (draw.blank, draw.paint), draw, (blank, unpainting))
    np.testing.assert_allclose(draw.reconstruct(np.zeros((1, 8, 8))), jax.nn.sigmoid(blank)[None], rtol=1e-5)
