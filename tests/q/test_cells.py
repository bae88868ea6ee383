import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from attend.errors import AttendError
from attend.model import Model
from attend.q import Cell, cells, unroll

every_cell = pytest.mark.parametrize("name", list(tiny.WIDTHS))


def test_every_registered_cell_is_tested_here():
    assert set(cells) == set(tiny.WIDTHS)


@eqx.filter_jit
def first_look(q, image, canvas, key):
    return q(q.start(image), image, canvas, key)[1]


@every_cell
def test_a_look_has_proper_distributions_and_draws_from_them(name):
    q, image = tiny.model(name).q, jnp.asarray(tiny.images(1)[0])
    assert isinstance(q, Cell)
    still = first_look(q, image, jnp.zeros_like(image), None)
    np.testing.assert_allclose(still.where, still.q_where.mode, rtol=1e-6)
    np.testing.assert_allclose(still.what, still.q_what.mode, rtol=1e-6)
    drawn, again, other = (first_look(q, image, jnp.zeros_like(image), jax.random.key(k)) for k in (1, 1, 2))
    assert eqx.tree_equal(drawn, again)
    assert not np.array_equal(drawn.where, other.where)
    assert not np.array_equal(drawn.what, other.what)
    for look in (still, drawn):
        assert look.where.shape == (3,)
        assert look.what.shape == (2,)
        assert look.where[0] > 0
        assert (look.q_where.sd > 0).all()
        assert (look.q_what.sd > 0).all()
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(look))


@every_cell
def test_no_gradient_flows_into_the_canvas(name):
    q, image = tiny.model(name).q, jnp.asarray(tiny.images(1)[0])

    @jax.jit
    @jax.grad
    def slope(canvas):
        look = q(q.start(image), image, canvas, jax.random.key(0))[1]
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(look))

    assert not slope(0.5 * image).any()


@pytest.mark.parametrize("name", ["lstm", "lstm-difference"])
def test_an_lstm_cell_is_an_lstm_over_the_image_and_the_last_latents(name):
    """That the image's part of the gates is computed apart, and once an image, changes nothing."""
    q = tiny.model(name).q
    image, canvas = (jnp.asarray(image) for image in tiny.images(2))
    whole = eqx.nn.LSTMCell(image.size + q.lstm.input_size, q.lstm.hidden_size, key=jax.random.key(0))
    weight_ih = jnp.concatenate([q.from_image.weight, q.lstm.weight_ih], axis=1)
    whole = eqx.tree_at(
        lambda cell: (cell.weight_ih, cell.weight_hh, cell.bias), whole, (weight_ih, q.lstm.weight_hh, q.lstm.bias)
    )
    memory = q.start(image)
    hidden, latents = (jnp.zeros(q.lstm.hidden_size),) * 2, jnp.zeros(1 + 3 + 2)
    for key in jax.random.split(jax.random.key(0), 2):
        memory, look = eqx.filter_jit(q)(memory, image, canvas, key)
        seen = image - canvas if name == "lstm-difference" else image
        hidden = whole(jnp.concatenate([seen.ravel(), latents]), hidden)
        for ours, expected in zip(memory[0], hidden, strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-5)
        latents = jnp.concatenate([jax.nn.sigmoid(look.presence_logit)[None], look.where, look.what])


def test_a_difference_cell_sees_only_what_is_unexplained():
    plain, difference = (tiny.model(name).q for name in ("lstm", "lstm-difference"))
    image, canvas = (jnp.asarray(image) for image in tiny.images(2))
    black = jnp.zeros_like(image)
    looks = first_look(plain, image, canvas, None), first_look(difference, image, black, None)
    for one, other in zip(*map(jax.tree.leaves, looks), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    looks = first_look(difference, image, canvas, None), first_look(difference, image - canvas, black, None)
    for one, other in zip(*map(jax.tree.leaves, looks), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@every_cell
def test_an_unrolled_pass_paints_what_it_infers(name):
    model, image = tiny.model(name), jnp.asarray(tiny.images(1)[0])
    trace = eqx.filter_jit(unroll)(model.p, model.q, image, jax.random.key(0))
    assert np.exp(trace.count_log_probs).sum() == pytest.approx(1, abs=1e-5)
    state = model.p.renderer.empty()
    for n in range(3):
        np.testing.assert_allclose(trace.canvases[n], model.p.renderer.canvas(state), atol=1e-5)
        if n < 2:
            state = model.p.renderer.add(state, model.p.renderer.layer(trace.where[n], trace.what[n]))
    for n in range(2):
        q_where, q_what = jax.tree.map(lambda leaf, n=n: leaf[n], (trace.q_where, trace.q_what))
        kl = q_where.kl(model.p.where) + q_what.kl(model.p.what)
        assert float(trace.kl[n]) == pytest.approx(float(kl), rel=1e-4)


@every_cell
def test_widths_of_another_cell_are_refused_by_name(name):
    with pytest.raises(AttendError, match=r"model\.cell\.widths: is \(2, 2\)"):
        tiny.model_config(name, cell_widths=(2, 2))


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(AttendError, match=r"cell: 'transformer' is unknown; it must be one of glance, lstm"):
        cells["transformer"]


@every_cell
def test_q_sees_what_p_whitens(name):
    size = (8, 8, 3)
    model = eqx.filter_jit(Model.create)(tiny.model_config(name), size, jax.random.key(0))
    image = jnp.asarray(np.random.default_rng(0).random(size))
    factor = jnp.array([[0.5, 0.0, 0.0], [-0.8, 0.0, 0.0], [0.2, -0.5, -0.5]])
    p = eqx.tree_at(lambda p: p.likelihood.factor, model.p, factor, is_leaf=lambda leaf: leaf is None)
    trace = eqx.filter_jit(unroll)(p, model.q, image, jax.random.key(1))
    seen, canvas = p.likelihood.whitened(image), p.likelihood.whitened(trace.canvases[0])
    look = first_look(model.q, seen, canvas, jax.random.split(jax.random.key(1), 2)[0])
    np.testing.assert_allclose(trace.where[0], look.where, atol=1e-5)
    np.testing.assert_allclose(trace.what[0], look.what, atol=1e-5)
    plain = first_look(model.q, image, trace.canvases[0], jax.random.split(jax.random.key(1), 2)[0])
    assert not np.allclose(trace.what[0], plain.what, atol=1e-3)


def test_what_q_sees_teaches_the_covariance_nothing():
    model = eqx.filter_jit(Model.create)(
        tiny.model_config("glance", pixel_covariance="full"), (8, 8, 3), jax.random.key(0)
    )
    image = jnp.asarray(np.random.default_rng(0).random((8, 8, 3)))

    @jax.jit
    @jax.grad
    def slope(factor):
        p = eqx.tree_at(lambda p: p.likelihood.factor, model.p, factor)
        return jnp.sum(unroll(p, model.q, image, jax.random.key(0)).what)

    assert not slope(model.p.likelihood.factor).any()
