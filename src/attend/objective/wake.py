"""Categories fitted to their posterior: none is given up because it was out of place when it was tried."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.distributions import Choice
from attend.objective.bounds import elbo
from attend.objective.estimator import estimators
from attend.p import Generative
from attend.q import Trace, unroll


def posterior_fit(p: Generative, trace: Trace, reached: Float[Array, " t"]) -> Float[Array, ""]:
    """Minus the cross-entropy of q's categories with their posterior given where and all else that was drawn.

    That is the wake phase of Bornschein and Bengio 2015 ("Reweighted Wake-Sleep", eq. 6), with every category painted
    instead of a few drawn. Both have the same optimum as the bound, where q can be the posterior. But the bound's own
    gradient is in proportion to q: a category that q holds for impossible has none. This one is largest there. It is
    that of every step, however unlikely it is to be reached, and takes the place of that of the categories' KL.
    """
    if not isinstance(p.what, Choice):
        return jnp.zeros(())
    log_q, log_p = trace.choice_log_probs, jax.nn.log_softmax(p.what.logits)
    posterior = jax.lax.stop_gradient(jax.nn.softmax(trace.choice_values + log_p))
    kl = jnp.sum(jnp.exp(log_q) * (log_q - log_p), axis=1)
    return jnp.sum(posterior * log_q) + jnp.sum(reached * kl)


@estimators.register("wake")
@dataclass(frozen=True)
class Wake:
    """As `exact`, but for the categories, which are fitted to their posterior."""

    samples: int = 1

    def init(self, size, max_objects, key):
        """None: nothing of its own to learn."""
        return None

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`."""

        def one(image, key):
            return elbo(p, unroll(p, q, image, key), image, log_p_count, posterior_fit)

        value = jnp.mean(jax.vmap(one)(images, jax.random.split(key, len(images))))
        return -value, {"elbo": value}
