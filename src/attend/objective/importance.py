"""Training on the importance-weighted bound instead of the ELBO."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp

from attend.objective.bounds import count_fit, count_terms, elbo
from attend.objective.estimator import estimators
from attend.q import unroll
from attend.settings import POSITIVE, Settings


@dataclass(frozen=True)
class ImportanceSettings(Settings):
    """The importance-weighted bound of several passes of q."""

    samples: Annotated[int, POSITIVE] = 1
    """Passes an image."""


@estimators.register("iw", ImportanceSettings)
@dataclass(frozen=True)
class ImportanceWeighted:
    """Minus the bound of Burda et al. 2016 (eq. 8) from some passes an image, the count summed out in each.

    That bound no longer depends on q(n|x), which is therefore fitted beside it: towards the posterior over counts
    that each pass implies, weighted as in the wake phase of Bornschein and Bengio 2015 ("Reweighted Wake-Sleep").
    """

    settings: ImportanceSettings

    def init(self, size, max_objects, key):
        """None: nothing of its own to learn."""
        return None

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`."""

        def one(image, key):
            def single(key):
                trace = unroll(p, q, image, key)
                terms = count_terms(p, trace, image, log_p_count)
                return jax.nn.logsumexp(terms), count_fit(trace, terms), elbo(p, trace, image, log_p_count)

            log_weights, fits, elbos = jax.vmap(single)(jax.random.split(key, self.settings.samples))
            bound = jax.nn.logsumexp(log_weights) - jnp.log(self.settings.samples)
            weights = jax.lax.stop_gradient(jax.nn.softmax(log_weights))
            return bound, jnp.sum(weights * fits), jnp.mean(elbos)

        bound, fit, value = jax.tree.map(jnp.mean, jax.vmap(one)(images, jax.random.split(key, len(images))))
        return -bound - fit, {"elbo": value, "iw_bound": bound}
