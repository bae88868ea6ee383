"""One of several categories, and numbers besides: a discrete `what`."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions.gaussian import Gaussian


class Choice(eqx.Module):
    """A category out of K, and D - K numbers that do not depend on it.

    A value is `(D,)`: the category one-hot, then the numbers. A category has no reparameterised draw, so its gradient
    is the objective's affair: see `alternatives`.
    """

    logits: Float[Array, " k"]
    rest: Gaussian | None = None

    def sample(self, key: PRNGKeyArray) -> Float[Array, " d"]:
        """A draw of both; only that of the numbers is reparameterised."""
        category_key, rest_key = jax.random.split(key)
        category = jax.nn.one_hot(jax.random.categorical(category_key, self.logits), len(self.logits))
        return category if self.rest is None else jnp.concatenate([category, self.rest.sample(rest_key)])

    @property
    def mode(self) -> Float[Array, " d"]:
        """The most probable category, and the means of the numbers."""
        category = jax.nn.one_hot(jnp.argmax(self.logits), len(self.logits))
        return category if self.rest is None else jnp.concatenate([category, self.rest.mode])

    @property
    def spread(self) -> Float[Array, " d"]:
        """The standard deviations, of each category's 0 or 1 and of the numbers."""
        probs = jax.nn.softmax(self.logits)
        sd = jnp.sqrt(probs * (1 - probs))
        return sd if self.rest is None else jnp.concatenate([sd, self.rest.spread])

    def log_prob(self, value: Float[Array, " d"]) -> Float[Array, ""]:
        """Log probability of the category plus log density of the numbers."""
        log_prob = self.category_log_prob(value)
        return log_prob if self.rest is None else log_prob + self.rest.log_prob(value[len(self.logits) :])

    def kl(self, prior: "Choice") -> Float[Array, ""]:
        """KL(self || prior), in closed form."""
        log_q, log_p = jax.nn.log_softmax(self.logits), jax.nn.log_softmax(prior.logits)
        kl = jnp.sum(jnp.exp(log_q) * (log_q - log_p))
        return kl if self.rest is None or prior.rest is None else kl + self.rest.kl(prior.rest)

    def category_log_prob(self, value: Float[Array, " d"]) -> Float[Array, ""]:
        """Log probability of the value's category."""
        return jnp.sum(value[: len(self.logits)] * jax.nn.log_softmax(self.logits))

    def alternatives(self, value: Float[Array, " d"]) -> Float[Array, "k d"]:
        """`value` with each of the categories in place of its own."""
        k = len(self.logits)
        rest = jnp.broadcast_to(value[k:], (k, len(value) - k))
        return jnp.concatenate([jnp.eye(k), rest], axis=1)
