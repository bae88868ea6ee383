"""q(n|x): the chain of presences that stops at the first 0, as a distribution over counts."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def doubtful(presence_logit: Float[Array, "*n"], limit: float) -> Float[Array, "*n"]:
    """The logit cut to `limit` on either side of 0, so that q never is so sure that it cannot be told otherwise.

    The gradient of q(n|x) is in proportion to its doubt: far from 0 it vanishes, whatever the objective says. Beyond
    the limit a loss's gradient is kept as it is at the limit where it leads back, and is 0 where it leads on.
    """
    return jnp.clip(presence_logit, -limit, limit)


def _doubtful_forward(presence_logit, limit):
    return doubtful(presence_logit, limit), presence_logit


def _doubtful_backward(limit, presence_logit, gradient):
    leads_on = (jnp.abs(presence_logit) > limit) & (presence_logit * gradient < 0)  # a loss goes down its gradient
    return (jnp.where(leads_on, 0.0, gradient),)


doubtful.defvjp(_doubtful_forward, _doubtful_backward)


def count_log_probs(presence_logits: Float[Array, " t"]) -> Float[Array, " n"]:
    """log q(n|x), n = 0..N, from the logits of the N presences.

    q(n) = (prod_{t<=n} pi_t) (1 - pi_{n+1}), pi_{N+1} = 0: z_pres of the paper is the unary code of n (section 2.2).
    """
    present = jnp.cumsum(jax.nn.log_sigmoid(presence_logits))
    absent = jax.nn.log_sigmoid(-presence_logits)
    zero = jnp.zeros(1, presence_logits.dtype)
    return jnp.concatenate([zero, present]) + jnp.concatenate([absent, zero])
