"""A window of the image: a 2D `where`."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions.gaussian import Gaussian


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
