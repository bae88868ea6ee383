"""The prior over how many objects a scene has: p(n), n = 0..N."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def geometric(log_odds: Float[Array, ""] | float, max_objects: int) -> Float[Array, " n"]:
    """log p(n) for n = 0..max_objects, where each further object multiplies the odds by `exp(log_odds)`.

    With log odds below 0 it is the paper's truncated geometric prior (section 2.2).
    """
    return jax.nn.log_softmax(log_odds * jnp.arange(max_objects + 1.0))


def annealed_log_odds(step: Int[Array, ""], start: float, end: float, steps: int) -> Float[Array, ""]:
    """The log odds of one more object at training step `step`: a line from `start` to `end` over `steps` steps.

    It starts in favour of objects, because a q that is told early that scenes are empty never looks for any.
    """
    return start + (end - start) * jnp.clip(step / steps, 0.0, 1.0)


def refitted(count_probs: Float[Array, "b n"], floor: float = 1e-4) -> Float[Array, " n"]:
    """log p(n) that fits data best given q(n|x) of each image: the average, no entry below `floor`."""
    return jax.nn.log_softmax(jnp.log(jnp.maximum(jnp.mean(count_probs, axis=0), floor)))
