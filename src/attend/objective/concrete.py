"""A continuous relaxation of the presences: low variance, but biased, and no bound of log p(x)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from attend.objective.bounds import elbo, per_count
from attend.objective.estimator import estimators
from attend.q import unroll
from attend.settings import Settings

TEMPERATURE = 0.5
"""Of the relaxed presences; lower is closer to 0 or 1, and noisier."""


@estimators.register("concrete")
@dataclass(frozen=True)
class Concrete:
    """Presences are binary Concrete draws (Maddison et al. 2017, "The Concrete Distribution", section 3.2).

    A scene of relaxed presences is the mixture of the N + 1 canvases with the weights (prod_{t<=n} z_t)(1 - z_{n+1}).
    Here for comparison: the logged `elbo` is the exact one of the same pass, not what is optimised.
    """

    settings: Settings

    def init(self, size, max_objects, key):
        """None: nothing of its own to learn."""
        return None

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`."""

        def one(image, key):
            pass_key, presence_key = jax.random.split(key)
            trace = unroll(p, q, image, pass_key)
            noise = jax.random.logistic(presence_key, trace.presence_logits.shape)
            presences = jax.nn.sigmoid((trace.presence_logits + noise) / TEMPERATURE)
            reached = jnp.concatenate([jnp.ones(1), jnp.cumprod(presences)])
            weights = reached * jnp.concatenate([1 - presences, jnp.ones(1)])
            canvas = jnp.tensordot(weights, trace.canvases, axes=1)
            cost = trace.count_log_probs - log_p_count + per_count(trace.kl, trace.backdrop_kl)
            relaxed = p.likelihood.log_prob(image, canvas) - jnp.sum(weights * cost)
            return relaxed, elbo(p, trace, image, log_p_count)

        relaxed, value = jax.tree.map(jnp.mean, jax.vmap(one)(images, jax.random.split(key, len(images))))
        return -relaxed, {"elbo": value}
