"""The part of the image that an object can reach: it is looked at alone, and put back in its place.

It always has the same pixels, so that it can be compiled; only its place moves, by whole pixels. It is a disc about the
object's middle, as far as the sphere that holds the object can reach, or the whole image where that is less.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

VECTOR = 16
"""The number of pixels is a multiple of this: as many as a processor works on at once."""


@dataclass(frozen=True)
class Disc:
    """The pixels within `reach` pixels of the middle of an object in an image of `size` (height, width)."""

    reach: float
    size: tuple[int, int]

    @cached_property
    def whole(self) -> bool:
        """Whether it is the whole image, which has no more pixels than the disc."""
        return np.pi * self.reach**2 >= self.size[0] * self.size[1]

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of the smallest rectangle that holds it."""
        return self.size if self.whole else (2 * self._far + 1, 2 * self._far + 1)

    @cached_property
    def pixels(self) -> Int[np.ndarray, "2 n"]:
        """Rows and columns of its pixels, counted from the first of the rectangle; the same for every object."""
        rows, columns = np.mgrid[: self.side[0], : self.side[1]].reshape(2, -1)
        if self.whole:
            return np.stack([rows, columns])
        away = np.hypot(rows - self._far, columns - self._far)
        count = VECTOR * int(np.ceil((away <= self.reach).sum() / VECTOR))
        return np.stack([rows, columns])[:, np.sort(np.argsort(away, kind="stable")[:count])]

    def first(self, middle: Float[Array, "2"]) -> Int[Array, "2"]:
        """The (row, column) of the rectangle's first pixel, for an object whose middle is at (column, row)."""
        if self.whole:
            return jnp.zeros(2, int)
        high, wide = self.size
        nearest = jnp.clip(jnp.round(middle[::-1]), -self._far - 1, jnp.array([high, wide]) + self._far)
        return jax.lax.stop_gradient(nearest.astype(int) - self._far)

    def put(self, parts: tuple[Float[Array, " n"], ...], first: Int[Array, "2"]) -> tuple[Float[Array, "h w"], ...]:
        """Images that are 0 but for `parts`, numbers of the pixels; the rectangle starts at (row, column) `first`.

        A loop over the parts keeps the compiler from working out each of their numbers anew wherever one is used.
        """
        if self.whole:
            return tuple(part.reshape(self.size) for part in parts)
        return cast(tuple[Array, ...], _put(parts, first, self))

    @property
    def _far(self) -> int:
        return int(np.ceil(self.reach))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _put(parts, first, disc):
    (rows, columns), (high, wide), (height, width) = disc.pixels, disc.side, disc.size
    which = np.full((2 * height + high, 2 * width + wide), len(rows), np.int32)
    which[height + rows, width + columns] = np.arange(len(rows))
    here = jax.lax.dynamic_slice(which, (height - first[0], width - first[1]), disc.size)
    return tuple(jax.lax.map(lambda part: jnp.append(part, 0.0)[here], jnp.stack(parts)))


def _forward(parts, first, disc):
    return _put(parts, first, disc), first


def _backward(disc, first, gradients):
    rows, columns = disc.pixels + first[:, None]
    return tuple(
        gradient.at[rows, columns].get(mode="fill", fill_value=0.0, wrap_negative_indices=False)
        for gradient in gradients
    ), None


_put.defvjp(_forward, _backward)
