from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.render3d.layers import Layer, add, compose, no_layers

SIZE, SOFTNESS = (4, 5), 0.01
BACKGROUND = jnp.asarray(np.random.default_rng(9).random((*SIZE, 3)), jnp.float32)

seeds = st.integers(0, 2**16)


def layers_of(seed: int, n: int = 3, apart: float = 0.0) -> list[Layer]:
    """`n` random layers, whose depths differ by at least `apart` in every pixel."""
    random = np.random.default_rng(seed)
    depths = random.random((n, *SIZE)) * 0.05 + apart * random.permuted(
        np.broadcast_to(np.arange(n)[:, None, None], (n, *SIZE)), axis=0
    )
    return [
        Layer(*(jnp.asarray(part, jnp.float32) for part in (random.random(SIZE), depth, random.random(SIZE))), colour)
        for depth, colour in zip(depths, jnp.asarray(random.random((n, 3)), jnp.float32), strict=True)
    ]


@jax.jit
def image_of(layers: list[Layer]) -> jax.Array:
    state = no_layers(3, SIZE)
    for layer in layers:
        state = add(state, layer, SOFTNESS)
    return compose(state, BACKGROUND)


@given(seeds)
def test_the_order_in_which_objects_come_does_not_matter(seed):
    layers = layers_of(seed)
    images = [image_of(list(order)) for order in permutations(layers)]
    for image in images[1:]:
        np.testing.assert_allclose(image, images[0], atol=1e-5)


@given(seeds)
def test_objects_apart_are_composited_back_to_front(seed):
    layers = layers_of(seed, apart=1.0)
    expected = np.array(BACKGROUND)
    depths = np.stack([layer.depth for layer in layers])
    for turn in np.argsort(-depths, axis=0):
        for index, layer in enumerate(layers):
            here = (turn == index)[..., None]
            coverage = np.asarray(layer.coverage)[..., None]
            over = coverage * np.asarray(layer.shade)[..., None] * np.asarray(layer.colour) + (1 - coverage) * expected
            expected = np.where(here, over, expected)
    np.testing.assert_allclose(image_of(layers), expected, atol=1e-4)


@given(seeds, st.integers(0, 3))
def test_the_image_stays_in_the_range_of_the_colours(seed, n):
    image = np.asarray(image_of(layers_of(seed, n)))
    assert image.min() >= 0
    assert image.max() <= 1


def test_no_object_is_the_background():
    np.testing.assert_array_equal(image_of([]), BACKGROUND)


def test_a_hidden_object_leaves_no_gradient_and_touching_ones_do():
    front, back = layers_of(0, 2)
    front = front._replace(coverage=jnp.ones(SIZE), depth=jnp.ones(SIZE))

    @jax.jit
    def slopes(distance):
        def total(back):
            return jnp.sum(image_of([front, back]) ** 2)

        return jax.grad(total)(back._replace(depth=jnp.ones(SIZE) + distance))

    hidden, touching = slopes(0.3), slopes(0.005)
    assert max(float(jnp.abs(part).max()) for part in hidden) < 1e-6
    assert float(jnp.abs(touching.depth).min()) > 1e-3


@pytest.mark.parametrize("coverage", [0.3, 1.0])
def test_an_edge_shows_what_is_behind_it(coverage):
    front, back = layers_of(2, 2)
    front = front._replace(coverage=jnp.full(SIZE, coverage), depth=jnp.ones(SIZE))
    back = back._replace(coverage=jnp.ones(SIZE), depth=jnp.full(SIZE, 2.0))
    behind, alone = image_of([back]), image_of([front._replace(coverage=jnp.ones(SIZE))])
    expected = coverage * alone + (1 - coverage) * behind
    np.testing.assert_allclose(image_of([front, back]), expected, atol=1e-5)
