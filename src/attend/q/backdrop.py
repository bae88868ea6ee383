"""q of the background's code, and a cell with it."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions import Gaussian, positive
from attend.networks import Dense
from attend.p import smooth
from attend.q.cell import Cell

COARSE = 12
"""Rows and columns of the shrunken image that the encoder sees."""
HIDDEN = 128


class BackdropEncoder(eqx.Module):
    """q(code | image): a small network over the shrunken image."""

    network: Dense

    def __init__(self, size: tuple[int, int, int], code_size: int, *, key: PRNGKeyArray):
        self.network = Dense([COARSE**2 * size[2], HIDDEN, 2 * code_size], key=key)

    def __call__(self, image: Float[Array, "h w c"]) -> Gaussian:
        """The distribution of the code."""
        rows, columns = (smooth(side, COARSE) for side in image.shape[:2])
        mean, raw_sd = jnp.split(self.network(jnp.einsum("ih,hwc,jw->ijc", rows, image, columns).ravel()), 2)
        return Gaussian(mean, positive(raw_sd))


class WithBackdrop(eqx.Module):
    """A cell, and beside it the encoder of the background."""

    cell: Cell
    backdrop: BackdropEncoder

    def start(self, image: Float[Array, "h w c"]) -> Any:
        """The cell's."""
        return self.cell.start(image)

    def __call__(self, memory, image, canvas, key):
        """The cell's."""
        return self.cell(memory, image, canvas, key)
