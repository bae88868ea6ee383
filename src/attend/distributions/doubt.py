"""Logits that are never so sure that they cannot be unlearned."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def doubtful(logit: Float[Array, "*n"], limit: float) -> Float[Array, "*n"]:
    """The logit cut to `limit` on either side of 0, so that q never is so sure that it cannot be told otherwise.

    The gradient of a probability is in proportion to its doubt: far from 0 it vanishes, whatever the objective says.
    Beyond the limit a loss's gradient is kept as it is at the limit where it leads back, and is 0 where it leads on.
    """
    return jnp.clip(logit, -limit, limit)


def _forward(logit, limit):
    return doubtful(logit, limit), logit


def _backward(limit, logit, gradient):
    leads_on = (jnp.abs(logit) > limit) & (logit * gradient < 0)  # a loss goes down its gradient
    return (jnp.where(leads_on, 0.0, gradient),)


doubtful.defvjp(_forward, _backward)
