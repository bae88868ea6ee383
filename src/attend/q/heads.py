"""Small pieces that cells share."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions import Gaussian


def positive(raw: Float[Array, "*s"], at_zero: float = 1.0) -> Float[Array, "*s"]:
    """A standard deviation from an unbounded number: `at_zero` at 0, never below a hundredth of that."""
    return at_zero * (jax.nn.softplus(raw + 0.5413) + 0.01)


class WhatEncoder(eqx.Module):
    """q(what | glimpse): the glimpse encoder of the paper's figure 2, a Gaussian per object."""

    network: eqx.nn.MLP

    def __init__(self, glimpse: int, channels: int, what: int, *, hidden: int, depth: int, key: PRNGKeyArray):
        self.network = eqx.nn.MLP(glimpse**2 * channels, 2 * what, hidden, depth, jax.nn.relu, key=key)

    def __call__(self, glimpse: Float[Array, "g g c"]) -> Gaussian:
        """The distribution over `what` of the object in the glimpse."""
        mean, raw = jnp.split(self.network(glimpse.ravel()), 2)
        return Gaussian(mean, positive(raw))
