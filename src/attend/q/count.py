"""q(n|x): the chain of presences that stops at the first 0, as a distribution over counts."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def count_log_probs(presence_logits: Float[Array, " t"]) -> Float[Array, " n"]:
    """log q(n|x), n = 0..N, from the logits of the N presences.

    q(n) = (prod_{t<=n} pi_t) (1 - pi_{n+1}), pi_{N+1} = 0: z_pres of the paper is the unary code of n (section 2.2).
    """
    present = jnp.cumsum(jax.nn.log_sigmoid(presence_logits))
    absent = jax.nn.log_sigmoid(-presence_logits)
    zero = jnp.zeros(1, presence_logits.dtype)
    return jnp.concatenate([zero, present]) + jnp.concatenate([absent, zero])
