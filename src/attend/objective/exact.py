"""The default estimator: the count is summed out, so no score function and no baseline is needed."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from attend.objective.bounds import elbo
from attend.objective.estimator import estimators
from attend.q import unroll
from attend.settings import Settings


@estimators.register("exact")
@dataclass(frozen=True)
class Exact:
    """Minus the mean ELBO, one pass an image."""

    settings: Settings

    def init(self, size, max_objects, key):
        """None: nothing of its own to learn."""
        return None

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`."""

        def one(image, key):
            return elbo(p, unroll(p, q, image, key), image, log_p_count)

        value = jnp.mean(jax.vmap(one)(images, jax.random.split(key, len(images))))
        return -value, {"elbo": value}
