"""The part of the image that an object can reach: it is looked at alone, and put back in its place.

The window is square and always has the same size, so that it can be compiled; only its corner moves, by whole pixels.
"""

from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def corner(middle: Float[Array, "2"], side: tuple[int, int], size: tuple[int, int]) -> Int[Array, "2"]:
    """The first (row, column) of a window of `side` (high, wide) about the pixel `middle` (column, row).

    It is moved to lie within the image of `size` (height, width).
    """
    room = jnp.array([size[0] - side[0], size[1] - side[1]])
    first = jnp.round(middle[::-1] - (jnp.array(side) - 1) / 2)
    return jax.lax.stop_gradient(jnp.clip(first, 0, room).astype(jnp.int32))


def put(window: Float[Array, "g k"], first: Int[Array, "2"], size: tuple[int, int]) -> Float[Array, "h w"]:
    """An image of `size` (height, width), 0 but for `window` from (row, column) `first` on.

    Image and gradient are cut out of a padded array, which a batch does much faster than to write into an image.
    """
    return cast(Array, _put(window, first, size))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _put(window, first, size):
    high, wide = window.shape
    down, across = size[0] - high, size[1] - wide
    padded = jnp.pad(window, ((down, down), (across, across)))
    return jax.lax.dynamic_slice(padded, (down - first[0], across - first[1]), size)


def _forward(window, first, size):
    return _put(window, first, size), (first, window.shape)


def _backward(size, saved, gradient):
    first, shape = saved
    return jax.lax.dynamic_slice(gradient, (first[0], first[1]), shape), None


_put.defvjp(_forward, _backward)
