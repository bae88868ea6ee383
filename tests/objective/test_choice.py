"""Objects of a category: the gradient of its probabilities, against the sum over all that can be drawn."""

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from linear import PLACE
from tiny import Additive

from attend.distributions import Choice
from attend.objective import count_terms, elbo
from attend.p import Code, Generative, PixelGaussian
from attend.q import Look, count_log_probs, draw, unroll

COLUMNS = np.array([[1.0, 0.2, -0.4, 0.0], [0.1, 0.9, 0.0, 0.3], [0.5, -0.3, 0.6, 0.2]], np.float32)
SIZE = (2, 2, 1)
IMAGE = jnp.asarray(COLUMNS[0] + 0.5 * COLUMNS[2]).reshape(SIZE)


class Columns(Additive):
    """Each category adds a picture of its own."""

    size: tuple[int, int, int] = eqx.field(static=True, default=SIZE)
    what: Code = eqx.field(static=True, default=Code(3))

    def layer(self, where, what):
        return (what @ jnp.asarray(COLUMNS)).reshape(self.size)


class Guess(eqx.Module):
    """q: the same guess at every step, where the picture has no say."""

    presence_logit: Any
    logits: Any

    def start(self, image):
        return ()

    def __call__(self, memory, image, canvas, key):
        q_what = Choice(self.logits)
        return memory, Look(self.presence_logit, PLACE, q_what, PLACE.mode, draw(q_what, key))


Q = Guess(jnp.array(0.4), jnp.array([0.3, -0.2, 0.5]))


def generative(n: int) -> Generative:
    count = jax.nn.log_softmax(jnp.arange(n + 1.0))
    return Generative(count, PLACE, Choice(jnp.zeros(3)), Columns(), PixelGaussian(0.5))


def enumerated(q: Guess, p: Generative) -> jax.Array:
    """The ELBO, its expectation over categories taken one by one."""
    log_q = count_log_probs(jnp.full(p.max_objects, q.presence_logit))
    log_probs = jax.nn.log_softmax(q.logits)
    kl = Choice(q.logits).kl(p.what)
    total = jnp.zeros(())
    for n in range(p.max_objects + 1):
        for drawn in itertools.product(range(3), repeat=n):
            canvas = jnp.asarray(COLUMNS[list(drawn)].sum(axis=0)).reshape(SIZE)
            term = p.likelihood.log_prob(IMAGE, canvas) + p.count[n] - log_q[n] - n * kl
            total += jnp.exp(log_q[n] + sum((log_probs[k] for k in drawn), jnp.zeros(()))) * term
    return total


def test_for_one_object_the_gradient_is_that_of_the_sum_over_categories():
    p = generative(1)

    def slope(key):
        return jax.grad(lambda q: elbo(p, unroll(p, q, IMAGE, key), IMAGE, p.count))(Q)

    slopes = eqx.filter_jit(jax.vmap(slope))(jax.random.split(jax.random.key(0), 2000))
    expected = jax.grad(enumerated)(Q, p)
    np.testing.assert_allclose(slopes.logits, np.broadcast_to(expected.logits, slopes.logits.shape), atol=1e-4)
    error = slopes.presence_logit.std() / len(slopes.presence_logit) ** 0.5
    assert abs(slopes.presence_logit.mean() - expected.presence_logit) < 4 * error


def wake_slope(p, logits, presence_logit=0.4):
    """The gradient of the loss `wake`, from one pass."""
    q = Guess(jnp.asarray(presence_logit), jnp.asarray(logits, jnp.float32))
    return jax.grad(lambda q: tiny.estimator("wake").loss(None, p, q, IMAGE[None], p.count, jax.random.key(0))[0])(q)


def test_fitted_to_their_posterior_the_categories_of_one_object_rest_there():
    p = generative(1)
    canvases = jnp.asarray(COLUMNS).reshape(3, *SIZE)
    log_posterior = jax.nn.log_softmax(p.likelihood.log_prob(IMAGE, canvases))
    np.testing.assert_allclose(wake_slope(p, log_posterior).logits, 0, atol=1e-5)
    np.testing.assert_allclose(
        jax.grad(enumerated)(eqx.tree_at(lambda q: q.logits, Q, log_posterior), p).logits, 0, atol=1e-5
    )


def test_fitted_to_their_posterior_a_category_held_for_impossible_comes_back():
    p = generative(2)
    best = int(jnp.argmax(p.likelihood.log_prob(IMAGE, jnp.asarray(COLUMNS).reshape(3, *SIZE))))
    gone = jnp.zeros(3).at[best].set(-40.0)
    assert wake_slope(p, gone).logits[best] < -0.3
    lost = jax.grad(lambda q: -elbo(p, unroll(p, q, IMAGE, jax.random.key(0)), IMAGE, p.count))
    assert abs(lost(eqx.tree_at(lambda q: q.logits, Q, gone)).logits[best]) < 1e-6


def test_fitted_to_its_posterior_a_count_held_for_impossible_comes_back():
    p = generative(1)
    assert wake_slope(p, Q.logits, -40.0).presence_logit < -0.3
    lost = jax.grad(lambda q: -elbo(p, unroll(p, q, IMAGE, jax.random.key(0)), IMAGE, p.count))
    assert abs(lost(Guess(jnp.array(-40.0), Q.logits)).presence_logit) < 1e-6


def test_fitted_to_its_posterior_a_count_held_for_certain_can_be_unlearned():
    p = eqx.tree_at(lambda p: p.count, generative(1), jnp.array([0.0, -500.0]))
    assert wake_slope(p, Q.logits, 40.0).presence_logit > 0.3


@pytest.mark.parametrize("name", ["nvil", "nvil-no-baseline"])
def test_on_average_the_score_function_is_the_gradient_for_several_objects(name):
    p = generative(2)
    estimator = tiny.estimator(name)
    own = estimator.init(SIZE, 2, jax.random.key(1))

    def slope(key):
        return jax.grad(lambda q: -estimator.loss(own, p, q, IMAGE[None], p.count, key)[0])(Q)

    slopes = eqx.filter_jit(jax.vmap(slope))(jax.random.split(jax.random.key(0), 20_000))
    expected = jax.grad(enumerated)(Q, p)
    for found, wanted in zip(jax.tree.leaves(slopes), jax.tree.leaves(expected), strict=True):
        assert (abs(found.mean(axis=0) - wanted) < 4 * found.std(axis=0) / len(found) ** 0.5).all()


def test_for_several_objects_the_local_expectation_points_along_the_gradient():
    p = generative(2)

    def slope(key):
        return jax.grad(lambda q: elbo(p, unroll(p, q, IMAGE, key), IMAGE, p.count))(Q).logits

    found = eqx.filter_jit(jax.vmap(slope))(jax.random.split(jax.random.key(0), 5000)).mean(axis=0)
    wanted = jax.grad(enumerated)(Q, p).logits
    assert found @ wanted > 0.9 * np.linalg.norm(found) * np.linalg.norm(wanted)


def test_a_weighed_pass_draws_categories_from_their_posterior():
    """For one object the categories are then summed out: no draw changes the bound, and it is that of all of them."""
    p = generative(1)
    canvases = jnp.asarray(COLUMNS).reshape(3, *SIZE)
    values = p.likelihood.log_prob(IMAGE, canvases)
    posterior = jax.nn.softmax(values)
    keys = jax.random.split(jax.random.key(0), 5000)
    traces = eqx.filter_jit(jax.vmap(lambda key: unroll(p, Q, IMAGE, key, weighed=True)))(keys)
    shares = traces.what[:, 0].mean(axis=0)
    np.testing.assert_allclose(
        shares, posterior, atol=4 * float(jnp.sqrt(posterior * (1 - posterior)).max()) / 5000**0.5
    )
    np.testing.assert_allclose(
        jax.nn.softmax(traces.q_what.logits[:, 0]), np.broadcast_to(posterior, (5000, 3)), atol=1e-5
    )
    weights = jax.vmap(lambda trace: count_terms(p, trace, IMAGE, p.count)[1])(traces)
    summed = jax.nn.logsumexp(values - jnp.log(3.0)) + p.count[1]
    np.testing.assert_allclose(weights, np.full(5000, summed), rtol=1e-5)
