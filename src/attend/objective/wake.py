"""All that is discrete fitted to its posterior: nothing is given up because it was out of place when it was tried."""

from dataclasses import dataclass
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.objective.bounds import count_fit, count_terms, elbo
from attend.objective.estimator import estimators
from attend.q import Trace, unroll
from attend.settings import Settings

DOUBT = 3.0
"""Log odds of one more object beyond which none is taken as surer: where it is and what is learned all the same."""


def category_fit(trace: Trace) -> Float[Array, ""]:
    """Minus the cross-entropy of q's categories with their posterior, of a pass that has weighed them.

    It is that of every step, however unlikely it is to be reached.
    """
    return jnp.sum(trace.choice_probs * trace.choice_log_probs)


@dataclass(frozen=True)
class Wake:
    """As `exact`, but categories are summed out too, and q's counts and categories are fitted to their posterior.

    Each category is painted and weighed where an object has been placed, so that the place is learned from those that
    fit. If they were drawn from q, most would be wrong at first, and what is wrong costs least out of sight.

    The fit is the wake phase of Bornschein and Bengio 2015 ("Reweighted Wake-Sleep", section 2.3). It has the same
    optimum as the bound where q can be the posterior. But the bound's own gradient is in proportion to q, and to how
    many nats are at stake: where p is fully specified, objects that are drawn a little out of place cost hundreds at
    first, and a category or a count that was held for impossible then has no gradient left. This one is never more than
    1, and largest there.

    With `dreams` (`wake-sleep`), the part of `where` that is `Redrawn`, such as a yaw, is learned from them alone: see
    `q.unroll`. They are the sleep phase of Hinton, Dayan, Frey and Neal 1995 ("The 'Wake-Sleep' Algorithm for
    Unsupervised Neural Networks"), of one object in the scene as q sees it so far. They find a handle, which the bound
    does not. But where several yaws look alike, as those of a cube do, they teach what lies between, as labels would;
    the bound settles on one.
    """

    settings: Settings
    dreams: bool = False

    def init(self, size, max_objects, key):
        """None: nothing of its own to learn."""
        return None

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`."""

        def one(image, key):
            trace = unroll(p, q, image, key, weighed=True, dreams=self.dreams)
            fit = count_fit(trace, count_terms(p, trace, image, log_p_count)) + category_fit(trace)
            fit += jnp.sum(trace.dream_fit)
            held = jnp.clip(jax.lax.stop_gradient(trace.presence_logits), -DOUBT, DOUBT)
            held = eqx.tree_at(lambda t: t.presence_logits, trace, held)
            return elbo(p, held, image, log_p_count), fit

        value, fit = jax.tree.map(jnp.mean, jax.vmap(one)(images, jax.random.split(key, len(images))))
        return -value - fit, {"elbo": value}


estimators.register("wake")(Wake)
estimators.register("wake-sleep")(partial(Wake, dreams=True))
