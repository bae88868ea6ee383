"""Objects that hide what is behind them, and what is behind them all."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend.config import preset
from attend.errors import AttendError
from attend.objective import count_terms, elbo
from attend.p import backgrounds, footprint, generative, renderers, smooth
from attend.q import WithBackdrop, unroll

SIZE = (12, 16, 3)
CONFIG = preset("default").replace(
    renderer="alpha", glimpse=6, what=4, decoder_widths=(8,), encoder_widths=(8,), cell_widths=(4, 4, 4), max_objects=2
)
LEFT, RIGHT = jnp.array([0.5, -0.4, 0.0]), jnp.array([0.5, 0.4, 0.1])
CODES = jax.random.normal(jax.random.key(1), (2, 4))


def opaque(raw: float):
    """A renderer whose patches have an alpha of sigmoid(raw)."""
    renderer = renderers.make(CONFIG.model.renderer, CONFIG.model, SIZE, key=jax.random.key(0))
    bias = (
        renderer.decoder.layers[-1]
        .bias.reshape(6, 6, 4)
        .at[..., 3]
        .set(raw - CONFIG.model.renderer.decoder_bias)
        .ravel()
    )
    weight = renderer.decoder.layers[-1].weight.reshape(6, 6, 4, -1).at[:, :, 3].set(0.0).reshape(144, -1)
    last = lambda r: (r.decoder.layers[-1].bias, r.decoder.layers[-1].weight)  # noqa: E731
    return eqx.tree_at(last, renderer, (bias, weight))


def scene(renderer, empty, *objects):
    """The state of a scene of objects, the first in front."""
    for where, what in objects:
        empty = renderer.add(empty, renderer.layer(where, what))
    return empty


def test_the_first_object_is_in_front():
    renderer = opaque(30.0)
    both = scene(renderer, renderer.empty(), (LEFT, CODES[0]), (LEFT, CODES[1]))
    alone = scene(renderer, renderer.empty(), (LEFT, CODES[0]))
    np.testing.assert_allclose(renderer.canvas(both)[5, 4], renderer.canvas(alone)[5, 4], atol=1e-5)


def test_objects_apart_can_come_in_any_order():
    renderer = opaque(0.3)
    first, second = ((LEFT, CODES[0]), (RIGHT, CODES[1]))
    orders = [
        renderer.canvas(scene(renderer, renderer.over(jnp.full(SIZE, 0.3)), a, b))
        for a, b in ((first, second), (second, first))
    ]
    np.testing.assert_allclose(orders[0], orders[1], atol=1e-6)


def test_what_shows_through_is_the_backdrop():
    renderer, backdrop = opaque(-40.0), jax.random.uniform(jax.random.key(2), SIZE)
    state = scene(renderer, renderer.over(backdrop), (LEFT, CODES[0]))
    np.testing.assert_allclose(renderer.canvas(state), backdrop, atol=1e-6)
    covered = opaque(40.0)
    changed = covered.canvas(scene(covered, covered.over(backdrop), (LEFT, CODES[0]))) - backdrop
    empty = covered.over(backdrop)
    mask = footprint(covered, empty, scene(covered, empty, (LEFT, CODES[0])))
    np.testing.assert_allclose(mask, abs(changed).max(axis=-1), atol=1e-6)
    assert 20 < (mask > 0.01).sum() < 49  # a window of 6 pixels


def test_a_canvas_stays_within_black_and_white():
    state = opaque(1.0).over(jnp.ones(SIZE))
    for where, what in zip((LEFT, LEFT + 0.05, RIGHT), (*CODES, CODES[0]), strict=True):
        state = scene(opaque(1.0), state, (where, what))
        canvas = opaque(1.0).canvas(state)
        assert canvas.min() >= 0
        assert canvas.max() <= 1 + 1e-6


def test_smoothing_keeps_a_level_and_stretches_a_ramp():
    weights = smooth(5, 20)
    np.testing.assert_allclose(weights @ np.ones(5), 1, rtol=1e-5)
    ramp = np.asarray(weights @ np.arange(5.0))
    assert (np.diff(ramp) >= -1e-6).all()
    np.testing.assert_allclose(ramp[10] - ramp[6], 1.0, atol=1e-5)
    np.testing.assert_allclose(smooth(20, 5) @ np.ones(20), 1, rtol=1e-5)


def test_a_constant_background_is_one_colour_and_a_learned_one_follows_its_code():
    constant, learned = (
        backgrounds.make(backgrounds.settings(name), CONFIG.model, SIZE, key=jax.random.key(0))
        for name in ("constant", "learned")
    )
    assert np.ptp(np.asarray(constant(jnp.zeros(0))), axis=(0, 1)).max() == 0
    assert constant.code_size == 0
    codes = learned.prior().sample(jax.random.key(1)), learned.prior().sample(jax.random.key(2))
    canvases = [np.asarray(learned(code)) for code in codes]
    assert canvases[0].shape == SIZE
    assert abs(canvases[0] - canvases[1]).max() > 0.01
    assert 0 < canvases[0].min() < canvases[0].max() < 1
    assert generative(CONFIG.model, SIZE, key=jax.random.key(0)).background is None


@pytest.mark.parametrize(("scale", "rows", "columns"), [(1.0, 3, 3), (0.5, 5, 6)])
def test_a_learned_background_is_as_coarse_as_an_object_or_so_many_times(scale, rows, columns):
    config = CONFIG.replace(
        scale=0.45, background="learned", coarseness=scale
    ).model  # an object of 5.4 of 12x16 pixels
    learned = generative(config, SIZE, key=jax.random.key(0)).background
    assert learned.patterns.shape == (8, rows, columns, 3)


def test_a_renderer_that_shows_its_own_takes_no_background(monkeypatch):
    class Bare:
        pass

    for kept in ("_entries", "_settings"):
        monkeypatch.setattr(renderers, kept, dict(getattr(renderers, kept)))
    renderers.register("bare")(lambda settings, config, size, key: Bare())
    with pytest.raises(AttendError, match="background: is 'learned'; renderer 'bare' shows none but its own"):
        generative(CONFIG.replace(background="learned", renderer="bare").model, SIZE, key=jax.random.key(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["none", "constant", "learned"])
def test_the_bound_and_its_weights_agree_on_average_before_any_background(name):
    """log p/q from draws averages to the bound with its KL in closed form."""
    from attend.model import Model

    model = Model.create(CONFIG.replace(background=name).model, SIZE, jax.random.key(3))
    assert isinstance(model.q, WithBackdrop) == (name == "learned")
    image = jax.random.uniform(jax.random.key(4), SIZE)
    p = model.p

    @eqx.filter_jit
    @eqx.filter_vmap(in_axes=(None, 0))
    def both(model, key):
        trace = unroll(model.p, model.q, image, key)
        probs = jnp.exp(trace.count_log_probs)
        terms = count_terms(p, trace, image, p.count) - trace.count_log_probs
        return jnp.sum(probs * terms) - elbo(p, trace, image, p.count)

    difference = np.asarray(both(model, jax.random.split(jax.random.key(0), 4000)))
    assert abs(difference.mean()) < 4 * difference.std() / len(difference) ** 0.5
    assert difference.std() > 0.01


def test_flat_objects_have_a_shape_and_one_colour_of_their_own():
    config = CONFIG.replace(what=5, renderer="flat")
    renderer = renderers.make(config.model.renderer, config.model, SIZE, key=jax.random.key(0))
    assert renderer.what.names == ("colour_0", "colour_1", "colour_2", "shape_0", "shape_1")
    red, blue, other = map(renderer.patch, jnp.array([[3.0, 0, 0, 1, 1], [0, 0, 3, 1, 1], [3, 0, 0, 0, 2]]))
    colours = red[..., :3] / red[..., 3:]
    np.testing.assert_allclose(colours, jnp.broadcast_to(colours[0, 0], colours.shape), rtol=1e-5)
    np.testing.assert_allclose(red[..., 3], blue[..., 3], rtol=1e-6)
    np.testing.assert_allclose(other[0, 0, :3] / other[0, 0, 3], colours[0, 0], rtol=1e-5)
    assert abs(red - blue).max() > 1e-3
    assert abs(red[..., 3] - other[..., 3]).max() > 1e-3


def test_flat_objects_need_numbers_for_their_shape():
    with pytest.raises(AttendError, match=r"model\.renderer\.what: is 3, of which 3 tell the colour; it must be more"):
        generative(CONFIG.replace(what=3, renderer="flat").model, SIZE, key=jax.random.key(0))
