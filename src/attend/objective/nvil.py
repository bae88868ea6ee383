"""The paper's estimator: draw the count, and follow its score function with a learned baseline (NVIL)."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp

from attend.networks import Dense
from attend.objective.bounds import count_bounds
from attend.objective.estimator import BaselineSettings, estimators
from attend.q import unroll
from attend.settings import Settings


@dataclass(frozen=True)
class NVIL:
    """Neural variational inference and learning (Mnih and Gregor 2014, eqs. 7-9), as in the paper's section 2.1.

    Presences are drawn, and so is the category of `what` if it has one; all else stays reparameterised. The baseline
    predicts, from the image and for each step, how much better than an empty canvas the scene will turn out, and is
    fitted by least squares.
    """

    settings: Settings
    baseline: bool = True

    def init(self, size, max_objects, key):
        """The baseline network, image to one prediction a step; None without a baseline."""
        if not self.baseline:
            return None
        return Dense([math.prod(size), 256, max_objects], key=key)

    def loss(self, own, p, q, images, log_p_count, key):
        """See `Estimator`; `baseline_error` is the mean squared error of the baseline, in nats squared."""

        def one(image, key):
            pass_key, count_key = jax.random.split(key)
            trace = unroll(p, q, image, pass_key)
            log_q = trace.count_log_probs
            n = jax.random.categorical(count_key, log_q)
            value = (count_bounds(p, trace, image, log_p_count) - log_q)[n]
            steps = jnp.arange(p.max_objects)
            log_q_steps = jnp.where(
                steps < n, jax.nn.log_sigmoid(trace.presence_logits), jax.nn.log_sigmoid(-trace.presence_logits)
            )
            log_q_steps += jnp.where(steps < n, trace.log_choice, 0.0)
            drawn = steps <= n  # the chain ends with the first absence
            gain = jax.lax.stop_gradient(value)
            if own is not None:
                empty = p.likelihood.log_prob(image, trace.canvases[0])
                gain = gain - jax.lax.stop_gradient(empty) - own(image.ravel())
            error = jnp.where(drawn, gain, 0.0)
            score = jnp.sum(jax.lax.stop_gradient(error) * log_q_steps)
            return value + score, value, jnp.sum(error**2) / jnp.sum(drawn)

        surrogate, value, error = jax.tree.map(jnp.mean, jax.vmap(one)(images, jax.random.split(key, len(images))))
        return error - surrogate, {"elbo": value, "baseline_error": error}


estimators.register("nvil", BaselineSettings)(NVIL)
estimators.register("nvil-no-baseline")(partial(NVIL, baseline=False))
