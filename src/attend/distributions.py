"""Distributions of the latents, as modules whose parameters are arrays that pass through `vmap` and `scan`.

A distribution has `sample(key)`, `mode`, `log_prob(value)` and `kl(prior)`, where `prior` is of the same family. All
are over one object's latent, with no batch axis. The libraries' own keep their batch shape outside the arrays, which
`vmap` then makes wrong; these do not have one.
"""

import math
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


@runtime_checkable
class Distribution(Protocol):
    """What p and q need of a latent's distribution."""

    def sample(self, key: PRNGKeyArray) -> Array:
        """A reparameterised draw."""
        ...

    @property
    def mode(self) -> Array:
        """The value that stands for the whole distribution."""
        ...

    @property
    def spread(self) -> Array:
        """Standard deviation about the mode, in the units of the value."""
        ...

    def log_prob(self, value: Array) -> Float[Array, ""]:
        """Log density of `value`, in nats."""
        ...

    def kl(self, prior: Any) -> Float[Array, ""]:
        """KL(self || prior), in nats, for a `prior` of the same family."""
        ...


class Gaussian(eqx.Module):
    """Independent normals: `mean` and standard deviation `sd`, each `(D,)`."""

    mean: Float[Array, " d"]
    sd: Float[Array, " d"]

    def sample(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """A draw `mean + sd * noise` (Kingma and Welling 2014, "Auto-Encoding Variational Bayes", eq. 4)."""
        return self.mean + self.sd * jax.random.normal(key, self.mean.shape)

    @property
    def mode(self) -> Float[Array, " d"]:
        """The mean."""
        return self.mean

    @property
    def spread(self) -> Float[Array, " d"]:
        """The standard deviation."""
        return self.sd

    def log_prob(self, value: Float[Array, " d"]) -> Float[Array, ""]:
        """Log density of `value`."""
        z = (value - self.mean) / self.sd
        return jnp.sum(-0.5 * z**2 - jnp.log(self.sd) - 0.5 * math.log(2 * math.pi))

    def kl(self, prior: "Gaussian") -> Float[Array, ""]:
        """KL(self || prior), in closed form."""
        ratio = self.sd / prior.sd
        return jnp.sum(0.5 * (ratio**2 + ((self.mean - prior.mean) / prior.sd) ** 2 - 1) - jnp.log(ratio))


class Window(eqx.Module):
    """A distribution over 2D `where` = (scale, x, y): normal in (log scale, x, y), so that a scale is never negative.

    `mean` and `sd` are those of (log scale, x, y).
    """

    mean: Float[Array, "3"]
    sd: Float[Array, "3"]

    def sample(self, key: PRNGKeyArray) -> Float[Array, "3"]:
        """A reparameterised draw of (scale, x, y)."""
        return _to_where(Gaussian(self.mean, self.sd).sample(key))

    @property
    def mode(self) -> Float[Array, "3"]:
        """The median, which is the mode of (log scale, x, y)."""
        return _to_where(self.mean)

    @property
    def spread(self) -> Float[Array, "3"]:
        """The standard deviation, that of scale to first order."""
        return self.sd.at[0].multiply(jnp.exp(self.mean[0]))

    def log_prob(self, value: Float[Array, "3"]) -> Float[Array, ""]:
        """Log density of (scale, x, y)."""
        log_scale = jnp.log(value[0])
        return Gaussian(self.mean, self.sd).log_prob(value.at[0].set(log_scale)) - log_scale

    def kl(self, prior: "Window") -> Float[Array, ""]:
        """KL(self || prior), in closed form: a change of variable leaves it as it is."""
        return Gaussian(self.mean, self.sd).kl(Gaussian(prior.mean, prior.sd))


def _to_where(unconstrained: Float[Array, "3"]) -> Float[Array, "3"]:
    return unconstrained.at[0].set(jnp.exp(unconstrained[0]))
