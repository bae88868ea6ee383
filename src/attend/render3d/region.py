"""The part of the image that an object can reach: it is looked at alone, and put back in its place.

It always has the same pixels, so that it can be compiled; only its place moves, by whole pixels. Its pixels are those
about the object's middle that any object of the renderer reaches at any place and turn, or the whole image where that
has fewer.
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
class Region:
    """The pixels of an image of `size` (height, width) that an object reaches from its middle."""

    reach: tuple[float, ...]
    """How far it reaches in each of as many `directions`, in pixels."""
    size: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether it is the whole image, which has no more pixels than the object can reach."""
        return self._reached.shape[1] >= self.size[0] * self.size[1]

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of the smallest rectangle that holds it."""
        return self.size if self.whole else (2 * self._far + 1, 2 * self._far + 1)

    @cached_property
    def pixels(self) -> Int[np.ndarray, "2 n"]:
        """Rows and columns of its pixels, counted from the first of the rectangle; the same for every object."""
        return np.mgrid[: self.size[0], : self.size[1]].reshape(2, -1) if self.whole else self._reached

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

    @cached_property
    def _reached(self) -> Int[np.ndarray, "2 n"]:
        """The pixels that are reached, and the next ones up to a whole number of vectors."""
        rows, columns = np.mgrid[: 2 * self._far + 1, : 2 * self._far + 1].reshape(2, -1)
        along = directions(len(self.reach)) @ np.stack([columns - self._far, rows - self._far])
        beyond = (along - np.array(self.reach)[:, None]).max(axis=0)
        count = VECTOR * int(np.ceil((beyond < 1e-6).sum() / VECTOR))
        return np.stack([rows, columns])[:, np.sort(np.argsort(beyond, kind="stable")[:count])]

    @property
    def _far(self) -> int:
        return int(np.ceil(max(self.reach) / np.cos(np.pi / len(self.reach))))


def directions(count: int) -> Float[np.ndarray, "n 2"]:
    """So many unit vectors (right, down), evenly spaced; the first points to the right."""
    turn = np.arange(count) * 2 * np.pi / count
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _put(parts, first, region):
    (rows, columns), (high, wide), (height, width) = region.pixels, region.side, region.size
    which = np.full((2 * height + high, 2 * width + wide), len(rows), np.int32)
    which[height + rows, width + columns] = np.arange(len(rows))
    here = jax.lax.dynamic_slice(which, (height - first[0], width - first[1]), region.size)
    return tuple(jax.lax.map(lambda part: jnp.append(part, 0.0)[here], jnp.stack(parts)))


def _forward(parts, first, region):
    return _put(parts, first, region), first


def _backward(region, first, gradients):
    rows, columns = region.pixels + first[:, None]
    return tuple(
        gradient.at[rows, columns].get(mode="fill", fill_value=0.0, wrap_negative_indices=False)
        for gradient in gradients
    ), None


_put.defvjp(_forward, _backward)
