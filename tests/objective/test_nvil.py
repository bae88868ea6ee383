"""NVIL against the exact sum: same expected gradient, and a baseline that touches nothing but itself."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import linear
import numpy as np
import pytest
import tiny
from jax.flatten_util import ravel_pytree

from attend.q import unroll

LOG_P_COUNT = jnp.log(jnp.array([0.5, 0.3, 0.2]))
N = 2
with_and_without = pytest.mark.parametrize("name", ["nvil", "nvil-no-baseline"])


class Modes(eqx.Module):
    """A cell that never draws: what is left of the noise is the count."""

    cell: Any

    def start(self, image):
        return self.cell.start(image)

    def __call__(self, memory, image, canvas, key):
        return self.cell(memory, image, canvas, None)


def loss(value, metrics):
    return value


@pytest.fixture(scope="module")
def setting():
    """p, a cell without noise, and one image that the model can tell something about."""
    model = tiny.model("lstm-difference")
    return model.p, Modes(model.q), jnp.asarray(tiny.images(1, seed=4)[0]) ** 3


def own_of(name: str):
    return tiny.estimator(name).init(tiny.SIZE, N, jax.random.key(7))


def largest(tree) -> float:
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nvil", "nvil-no-baseline"])
def test_averaged_over_the_counts_it_is_the_exact_gradient_whatever_the_baseline(setting, monkeypatch, name):
    p, q, image = setting
    estimator, own = tiny.estimator(name), own_of(name)

    @eqx.filter_jit
    def gradients(parts, image):
        def gradient(estimator, own):
            def loss(parts):
                p, q = parts
                return estimator.loss(own, p, q, image[None], LOG_P_COUNT, jax.random.key(0))[0]

            return eqx.filter_grad(loss)(parts)

        def given(scale, n):
            monkeypatch.setattr(jax.random, "categorical", lambda key, logits: n)
            return gradient(estimator, jax.tree.map(lambda leaf: scale * leaf, own))

        by_count = eqx.filter_vmap(eqx.filter_vmap(given, in_axes=(None, 0)), in_axes=(0, None))
        found = by_count(jnp.array([1.0, 30.0]), jnp.arange(N + 1))
        probabilities = jnp.exp(unroll(parts[0], parts[1], image).count_log_probs)
        return probabilities, found, gradient(tiny.estimator("exact"), None)

    probabilities, by_count, exact = gradients((p, q), image)
    assert probabilities.min() > 0.03
    for found, expected in zip(jax.tree.leaves(by_count), jax.tree.leaves(exact), strict=True):
        for scaled in found:
            mean = np.tensordot(probabilities, scaled, axes=1)
            np.testing.assert_allclose(mean, expected, atol=1e-4 * largest(exact), rtol=1e-3)


def test_the_baseline_learns_from_its_own_error_alone_and_nothing_else_learns_from_it():
    p = linear.generative([0.5, 0.3, 0.2])
    q = linear.PosteriorCell(jnp.array(0.3), jnp.array(0.2), jnp.array(1.1))
    image = jnp.asarray(tiny.images(1, size=linear.SIZE))
    estimator = tiny.estimator("nvil")

    @eqx.filter_jit
    def gradients(parts, keys):
        def gradient(pick, key):
            def value(parts):
                own, q = parts
                return pick(*estimator.loss(own, p, q, image, LOG_P_COUNT, key))

            return eqx.filter_grad(value)(parts)

        def both(key):
            return gradient(loss, key), gradient(lambda _, metrics: metrics["baseline_error"], key)

        return eqx.filter_vmap(both)(keys)

    own = estimator.init(linear.SIZE, N, jax.random.key(7))
    whole, error = gradients((own, q), jax.random.split(jax.random.key(0), 8))
    for found, expected in zip(jax.tree.leaves(whole[0]), jax.tree.leaves(error[0]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * largest(error[0]))
    assert largest(error[0]) > 0
    assert largest(whole[1]) > 0
    assert largest(error[1]) == 0


def moments(gradient, keys, chunk: int = 500):
    """Mean and its standard error, per number of the gradient, over many keys."""

    @jax.jit
    def run(keys):
        def add(sums, keys):
            g = jax.vmap(gradient)(keys)
            return (sums[0] + g.sum(axis=0), sums[1] + (g**2).sum(axis=0)), None

        zero = jnp.zeros_like(jax.eval_shape(gradient, keys[0, 0]), dtype=jnp.float32)
        return jax.lax.scan(add, (zero, zero), keys)[0]

    n = len(keys)
    total, squares = (np.asarray(s, float) for s in run(keys.reshape(n // chunk, chunk)))
    mean = total / n
    return mean, np.sqrt(np.maximum(squares / n - mean**2, 0) / n)


@pytest.mark.slow
@with_and_without
def test_its_mean_is_that_of_the_exact_gradient_within_monte_carlo_error(name):
    """With all the noise; and the test has the power to see that the score function is missing."""
    model, image = tiny.model("lstm-difference"), jnp.asarray(tiny.images(1, seed=4)[0]) ** 3
    parameters, static = eqx.partition((model.p, model.q), eqx.is_inexact_array)
    own = own_of(name)

    def flat_gradient(estimator, own, pick):
        def gradient(key):
            def value(parameters):
                p, q = eqx.combine(parameters, static)
                return pick(*estimator.loss(own, p, q, image[None], LOG_P_COUNT, key))

            return ravel_pytree(jax.grad(value)(parameters))[0]

        return gradient

    nvil, exact = tiny.estimator(name), tiny.estimator("exact")
    keys = jax.random.split(jax.random.key(0), 3 * 20_000).reshape(3, -1)
    expected, expected_error = moments(flat_gradient(exact, None, loss), keys[0])
    found, error = moments(flat_gradient(nvil, own, loss), keys[1])
    without, without_error = moments(flat_gradient(nvil, own, lambda _, metrics: -metrics["elbo"]), keys[2])

    def z(mean, mean_error):
        scale = np.hypot(mean_error, expected_error)
        return np.where(scale > 0, (mean - expected) / np.maximum(scale, 1e-30), 0.0)

    _, unravel = ravel_pytree(parameters)

    def presence(values):
        return np.asarray(unravel(jnp.asarray(values, jnp.float32))[1].locate.layers[-1].bias[0])

    scores = z(found, error)
    assert np.abs(scores).max() < 5
    assert np.mean(scores**2) < 3
    assert np.abs(presence(scores)) < 4
    assert np.abs(presence(z(without, without_error))) > 8
