"""The prior over how many objects a scene has: p(n), n = 0..N."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def geometric(log_odds: Float[Array, ""] | float, max_objects: int) -> Float[Array, " n"]:
    """log p(n) for n = 0..max_objects, where each further object multiplies the odds by `exp(log_odds)`.

    With log odds below 0 it is the paper's truncated geometric prior (section 2.2).
    """
    return jax.nn.log_softmax(log_odds * jnp.arange(max_objects + 1.0))


def refitted(count_probs: Float[Array, "b n"], floor: float = 1e-4) -> Float[Array, " n"]:
    """log p(n) that fits data best given q(n|x) of each image: the average, no entry below `floor`."""
    return jax.nn.log_softmax(jnp.log(jnp.maximum(jnp.mean(count_probs, axis=0), floor)))
