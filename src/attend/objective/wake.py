"""All that is discrete fitted to its posterior: nothing is given up because it was out of place when it was tried."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.distributions import Choice
from attend.objective.bounds import count_fit, count_terms, elbo
from attend.objective.estimator import estimators
from attend.p import Generative
from attend.q import Trace, unroll


def posterior_fit(p: Generative, trace: Trace, reached: Float[Array, " t"]) -> Float[Array, ""]:
    """Minus the cross-entropy of q's categories with their posterior given where and all else that was drawn.

    Every category is painted, so none has to be drawn to be weighed. It is that of every step, however unlikely it is
    to be reached, and takes the place of that of the categories' KL.
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
    """As `exact`, but q's counts and categories are fitted to the posterior that each pass implies.

    That is the wake phase of Bornschein and Bengio 2015 ("Reweighted Wake-Sleep", section 2.3). It has the same optimum
    as the bound where q can be the posterior. But the bound's own gradient is in proportion to q, and to how many nats
    are at stake: where p is fully specified, objects that are drawn a little out of place cost hundreds at first, and a
    category or a count that was held for impossible then has no gradient left. This one is never more than 1, and
    largest there.
    """

    samples: int = 1

    def init(self, size, max_objects, key):
        """None: nothing of its own to learn."""
        return None

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`."""

        def one(image, key):
            trace = unroll(p, q, image, key)
            fit = count_fit(trace, count_terms(p, trace, image, log_p_count))
            held = eqx.tree_at(lambda t: t.presence_logits, trace, jax.lax.stop_gradient(trace.presence_logits))
            return elbo(p, held, image, log_p_count, posterior_fit), fit

        value, fit = jax.tree.map(jnp.mean, jax.vmap(one)(images, jax.random.split(key, len(images))))
        return -value - fit, {"elbo": value}
