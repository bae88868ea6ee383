"""What changes in the course of a training, as functions of its step."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def risen(step: Int[Array, ""], first: int, steps: int) -> Float[Array, ""]:
    """From 0 until step `first` to 1 from `steps` later on, in a line."""
    return jnp.clip((step - first) / steps, 0.0, 1.0)


def annealed_log_odds(step: Int[Array, ""], start: float, end: float, steps: int) -> Float[Array, ""]:
    """The log odds of one more object at training step `step`: a line from `start` to `end` over `steps` steps.

    It starts in favour of objects, because a q that is told early that scenes are empty never looks for any.
    """
    return start + (end - start) * risen(step, 0, steps)
