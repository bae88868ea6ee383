"""Independent normals."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def positive(raw: Float[Array, "*s"], at_zero: float = 1.0) -> Float[Array, "*s"]:
    """A standard deviation from an unbounded number: `at_zero` at 0, never below a hundredth of that."""
    return at_zero * (0.01 + 0.99 * jax.nn.softplus(raw + math.log(math.e - 1)))


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
