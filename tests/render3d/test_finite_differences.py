import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend.errors import AttendError
from attend.p import Code, Renderer
from attend.render3d import BlackBoxRenderer, black_box

SIZE = (4, 5, 2)
MIX = np.random.default_rng(0).standard_normal((3, *SIZE)).astype(np.float32)


class Smooth:
    """Images that are smooth functions of three numbers; it counts how often, and for how many scenes, it is called."""

    def __init__(self):
        self.calls = []

    def __call__(self, scenes: np.ndarray) -> np.ndarray:
        assert isinstance(scenes, np.ndarray)
        self.calls.append(len(scenes))
        return np.tanh(np.tensordot(scenes, MIX, 1))


def exact(scene: jax.Array) -> jax.Array:
    return jnp.tanh(jnp.tensordot(scene, MIX, 1))


def loss_of(draw):
    return lambda scene: jnp.sum(MIX[0] * draw(scene) ** 2)


SCENES = jnp.asarray(np.random.default_rng(1).standard_normal((6, 3)), jnp.float32)


def test_a_batch_and_its_gradient_are_one_call_and_agree_with_the_function_s_own():
    function = Smooth()
    draw = black_box(function, [1e-2, 1e-2, 1e-2], SIZE)
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(loss_of(draw))))(SCENES)
    jax.block_until_ready(slopes)
    assert function.calls == [6 * 7]
    expected, expected_slopes = jax.vmap(jax.value_and_grad(loss_of(exact)))(SCENES)
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=5e-3, atol=5e-3)


def test_without_a_gradient_nothing_is_drawn_but_the_scenes():
    function = Smooth()
    images = jax.jit(jax.vmap(black_box(function, [1e-2] * 3, SIZE)))(SCENES)
    np.testing.assert_allclose(images, jax.vmap(exact)(SCENES), atol=1e-6)
    assert function.calls == [6]


def test_two_batch_axes_are_one_call():
    function = Smooth()
    draw = black_box(function, [1e-2] * 3, SIZE)
    images = jax.jit(jax.vmap(jax.vmap(draw)))(SCENES.reshape(2, 3, 3))
    np.testing.assert_allclose(images.reshape(6, *SIZE), jax.vmap(exact)(SCENES), atol=1e-6)
    assert function.calls == [6]


def test_a_step_of_0_is_no_gradient_and_no_cost():
    function = Smooth()
    draw = black_box(function, [1e-2, 0.0, 1e-2], SIZE)
    slope = jax.grad(loss_of(draw))(SCENES[0])
    assert function.calls == [5]
    expected = jax.grad(loss_of(exact))(SCENES[0]).at[1].set(0.0)
    np.testing.assert_allclose(slope, expected, rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("steps", [[-1.0, 1.0], [np.inf]])
def test_bad_steps_are_refused(steps):
    with pytest.raises(AttendError, match="steps"):
        black_box(Smooth(), steps, SIZE)


PLACE, SHADE = Code(2), Code(1)


def blobs(states: np.ndarray) -> np.ndarray:
    """Grey 6 x 6 images of soft spots; an object is (presence, column, row, brightness)."""
    axis = np.arange(6.0)
    presence, column, row, bright = (states[..., i, None, None] for i in range(4))
    squared = (axis - column) ** 2 + (axis[:, None] - row) ** 2
    return np.clip((presence * bright * np.exp(-squared / 4)).sum(1), 0, 1)[..., None]


def test_a_black_box_renderer_folds_and_follows_its_gradient_through_a_scan():
    renderer = BlackBoxRenderer(blobs, (0.05, 0.05, 0.01), (6, 6, 1), PLACE, SHADE, max_objects=2)
    assert isinstance(renderer, Renderer)
    latents = jnp.array([[[1.0, 2.0, 0.4], [4.0, 3.0, 0.3]], [[2.0, 4.0, 0.2], [3.0, 1.0, 0.5]]])
    weights = jnp.asarray(np.random.default_rng(0).standard_normal((2, 6, 6, 1)), jnp.float32)

    def canvases(scene):
        def step(state, thing):
            state = renderer.add(state, renderer.layer(thing[:2], thing[2:]))
            return state, renderer.canvas(state)

        return jax.lax.scan(step, renderer.empty(), scene)[1]

    def exact_canvases(scene):
        axis = jnp.arange(6.0)
        squared = (axis - scene[:, 0, None, None]) ** 2 + (axis[:, None] - scene[:, 1, None, None]) ** 2
        return jnp.cumsum(scene[:, 2, None, None] * jnp.exp(-squared / 4), axis=0)[..., None]

    drawn = jax.jit(jax.vmap(canvases))(latents)
    np.testing.assert_allclose(drawn, jax.vmap(exact_canvases)(latents), atol=1e-5)

    def slopes(canvases):
        return jax.jit(jax.vmap(jax.grad(lambda scene: jnp.sum(weights * canvases(scene)))))(latents)

    np.testing.assert_allclose(slopes(canvases), slopes(exact_canvases), atol=2e-3)
    np.testing.assert_array_equal(renderer.canvas(renderer.empty()), np.zeros((6, 6, 1)))


def test_a_list_with_no_room_is_refused():
    with pytest.raises(AttendError, match="max_objects"):
        BlackBoxRenderer(blobs, (0.05, 0.05, 0.01), (6, 6, 1), PLACE, SHADE, max_objects=0)
