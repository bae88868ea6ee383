"""q of the background's code, and a cell with it."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions import Gaussian, positive
from attend.networks import Dense
from attend.p import Background, smooth
from attend.q.cell import Cell

COARSE = 12
"""Rows and columns of the shrunken image that the encoder sees."""
HIDDEN = 128


class BackdropEncoder(eqx.Module):
    """q(code | image): a guess, which what it leaves unexplained then corrects.

    The guess is made by a small network over the shrunken image. Each correction adds to the mean of the code a linear
    function of the image minus the background so far, shrunken: a learned step of an iterative solver, of which a
    network alone falls short by more nats than an object gains where the code is long (such residuals are what Marino
    et al. 2018, "Iterative Amortized Inference", give to a network).
    """

    network: Dense
    correction: Float[Array, "d inputs"] | None
    times: int = eqx.field(static=True)

    def __init__(self, size: tuple[int, int, int], code_size: int, times: int, *, key: PRNGKeyArray):
        """With so many corrections; they are nil until they have been learned."""
        inputs = COARSE**2 * size[2]
        self.network = Dense([inputs, HIDDEN, 2 * code_size], key=key)
        self.correction = jnp.zeros((code_size, inputs)) if times else None
        self.times = times

    def __call__(self, image: Float[Array, "h w c"], background: Background) -> Gaussian:
        """The distribution of the code of p's `background`."""
        mean, raw_sd = jnp.split(self.network(shrunken(image)), 2)
        if self.correction is not None:
            for _ in range(self.times):
                mean += self.correction @ shrunken(image - background(mean))
        return Gaussian(mean, positive(raw_sd))


def shrunken(image: Float[Array, "h w c"]) -> Float[Array, " inputs"]:
    """The image in `COARSE` rows and columns, as one vector."""
    rows, columns = (smooth(side, COARSE) for side in image.shape[:2])
    return jnp.einsum("ih,hwc,jw->ijc", rows, image, columns).ravel()


class WithBackdrop(eqx.Module):
    """A cell, and beside it the encoder of the background."""

    cell: Cell
    backdrop: BackdropEncoder

    def corrected(self, weight: Float[Array, ""]) -> "WithBackdrop":
        """The same, of whose corrections of the background only so much is made, from 0 to 1."""
        if self.backdrop.correction is None:
            return self
        return eqx.tree_at(lambda q: q.backdrop.correction, self, replace_fn=lambda matrix: weight * matrix)

    def start(self, image: Float[Array, "h w c"]) -> Any:
        """The cell's."""
        return self.cell.start(image)

    def __call__(self, memory, image, canvas, key):
        """The cell's."""
        return self.cell(memory, image, canvas, key)
