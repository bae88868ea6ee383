"""Angles: distributions on the circle, in radians."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

TURNS = 2 * math.pi * np.arange(-4.0, 5.0)
"""Whole turns that are added up; with a standard deviation of `FLAT` the next one would add 1e-9 to a density."""

FLAT = 4.0
"""Standard deviation in radians beyond which a wrapped normal is taken for one of this; it is uniform to 0.04 %."""

GRID = 2 * math.pi * np.arange(64) / 64
"""Angles at which a density is averaged: exact to rounding where the standard deviation is 0.5 or more."""


class UniformAngle(eqx.Module):
    """Every angle of the circle alike; the prior of a rotation."""

    def sample(self, key: PRNGKeyArray) -> Float[Array, ""]:
        """A draw from -pi to pi."""
        return jax.random.uniform(key, (), minval=-math.pi, maxval=math.pi)

    @property
    def mode(self) -> Float[Array, ""]:
        """0, which is as good as any."""
        return jnp.zeros(())

    @property
    def spread(self) -> Float[Array, ""]:
        """The standard deviation of an angle in -pi..pi."""
        return jnp.array(math.pi / math.sqrt(3))

    def log_prob(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Log density, in nats; the same for any angle."""
        return jnp.full_like(value, -math.log(2 * math.pi))

    def kl(self, prior: "UniformAngle") -> Float[Array, ""]:
        """0."""
        return jnp.zeros(())


class WrappedNormal(eqx.Module):
    """A normal wound around the circle (Mardia and Jupp 2000, "Directional Statistics", section 3.5.7).

    `mean` and `sd` are those of the normal, in radians. Unlike the von Mises it has a reparameterised draw.
    """

    mean: Float[Array, ""]
    sd: Float[Array, ""]

    def sample(self, key: PRNGKeyArray) -> Float[Array, ""]:
        """A reparameterised draw; it is not brought back to -pi..pi."""
        return self.mean + self.sd * jax.random.normal(key)

    @property
    def mode(self) -> Float[Array, ""]:
        """The mean."""
        return self.mean

    @property
    def spread(self) -> Float[Array, ""]:
        """The standard deviation of the normal."""
        return self.sd

    def log_prob(self, value: Float[Array, ""]) -> Float[Array, ""]:
        """Log density of the angle `value`, in nats; the same for angles a whole turn apart."""
        sd = jnp.minimum(self.sd, FLAT)
        away = (value - self.mean + math.pi) % (2 * math.pi) - math.pi + TURNS
        return jax.nn.logsumexp(-0.5 * (away / sd) ** 2) - jnp.log(sd) - 0.5 * math.log(2 * math.pi)

    def kl(self, prior: UniformAngle) -> Float[Array, ""]:
        """KL(self || the uniform distribution): log 2 pi less the entropy, which is a normal's where nothing wraps."""
        narrow = jnp.log(jnp.minimum(self.sd, 0.6)) + 0.5 * math.log(2 * math.pi * math.e)
        wide = WrappedNormal(jnp.zeros(()), jnp.maximum(self.sd, 0.5))
        log_density = jax.vmap(wide.log_prob)(jnp.asarray(GRID, jnp.float32))
        entropy = -2 * math.pi * jnp.mean(jnp.exp(log_density) * log_density)
        return math.log(2 * math.pi) - jnp.where(self.sd < 0.55, narrow, entropy)
