"""Small pieces that cells share."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.distributions import Gaussian
from attend.networks import Dense


def positive(raw: Float[Array, "*s"], at_zero: float = 1.0) -> Float[Array, "*s"]:
    """A standard deviation from an unbounded number: `at_zero` at 0, never below a hundredth of that."""
    return at_zero * (0.01 + 0.99 * jax.nn.softplus(raw + math.log(math.e - 1)))


class WhatEncoder(eqx.Module):
    """q(what | glimpse): the glimpse encoder of the paper's figure 2, a Gaussian per object."""

    network: Dense

    def __init__(self, config: ModelConfig, channels: int, *, key: PRNGKeyArray):
        pixels = config.glimpse**2 * channels
        self.network = Dense([pixels, *config.encoder_widths, 2 * config.what], key=key)

    def __call__(self, glimpse: Float[Array, "g g c"]) -> Gaussian:
        """The distribution over `what` of the object in the glimpse."""
        mean, raw = jnp.split(self.network(glimpse.ravel()), 2)
        return Gaussian(mean, positive(raw))
