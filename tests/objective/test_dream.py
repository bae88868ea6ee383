"""What is dreamt: a turn that the bound says nothing of is learned from what p paints."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny
from tiny import Additive

from attend.distributions import Gaussian, UniformAngle, WrappedNormal
from attend.p import Code, Generative, PixelGaussian
from attend.q import Look, unroll
from attend.render3d.latents import Pose

HOURS = 12
TURNS = 2 * np.pi * np.arange(HOURS) / HOURS
IMAGES = jnp.eye(HOURS).reshape(HOURS, 1, HOURS, 1)
PRIOR = Pose(Gaussian(jnp.zeros(2), jnp.ones(2)), UniformAngle())


class Dial(Additive):
    """An object lights the one of twelve lamps that its yaw points to: nothing leads from one lamp to the next."""

    size: tuple[int, int, int] = eqx.field(static=True, default=(1, HOURS, 1))
    what: Code = eqx.field(static=True, default=Code(1))

    def layer(self, where, what):
        return jax.nn.one_hot(jnp.round(where[2] / (2 * np.pi) * HOURS).astype(int) % HOURS, HOURS).reshape(self.size)


class Reader(eqx.Module):
    """q: a direction is read off the lamps that p does not explain yet."""

    direction: Any

    def start(self, image):
        return ()

    def __call__(self, memory, image, canvas, key):
        cosine, sine = self.direction @ (image - canvas).ravel()
        where = Pose(PRIOR.place, WrappedNormal(jnp.arctan2(sine, cosine), jnp.array(0.3)))
        what = Gaussian(jnp.zeros(1), jnp.ones(1))
        return memory, Look(jnp.array(3.0), where, what, where.sample(key), what.mode)


P = Generative(jnp.log(jnp.array([0.5, 0.5])), PRIOR, Gaussian(jnp.zeros(1), jnp.ones(1)), Dial(), PixelGaussian(0.1))
Q = Reader(jax.random.normal(jax.random.key(0), (2, HOURS)))


def slope(estimator, q, key):
    return jax.grad(lambda q: tiny.estimator(estimator).loss(None, P, q, IMAGES, P.count, key)[0])(q)


def test_a_turn_of_which_the_bound_tells_nothing_is_learned_from_dreams():
    assert not slope("wake", Q, jax.random.key(1)).direction.any()
    optimiser = optax.adam(0.05)

    def step(carry, key):
        q, state = carry
        updates, state = optimiser.update(slope("wake-sleep", q, key), state)
        return (optax.apply_updates(q, updates), state), None

    keys = jax.random.split(jax.random.key(2), 300)
    (q, _), _ = jax.lax.scan(step, (Q, optimiser.init(Q)), keys)
    cosine, sine = q.direction
    away = (np.arctan2(sine, cosine) - TURNS + np.pi) % (2 * np.pi) - np.pi
    assert np.degrees(abs(away)).max() < 10


@pytest.mark.parametrize("dreams", [False, True])
def test_a_pass_dreams_only_when_it_is_told_to(dreams):
    trace = unroll(P, Q, IMAGES[3], jax.random.key(0), weighed=True, dreams=dreams)
    assert bool(trace.dream_fit.any()) == dreams
