"""The step without a kink that every soft edge is made of."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def smooth(share: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """From 0 to 1 as `share` goes from 0 to 1, level before and after."""
    share = jnp.clip(share, 0.0, 1.0)
    return share**2 * (3 - 2 * share)


def moment(share: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The integral from 0 to `share` of x times the slope of `smooth` at x."""
    share = jnp.clip(share, 0.0, 1.0)
    return share**3 * (2 - 1.5 * share)
