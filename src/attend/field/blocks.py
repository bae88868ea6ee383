"""Looking at an image of any size with the network, in bounded memory and without seams."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.field.network import CELL, REACH, FieldNetwork, Outputs

BUCKET = 64
"""Sides are rounded up to multiples of this, so that few programs are compiled for images of many sizes."""

BLOCK = 24 * BUCKET
"""Pixels along a side of what is looked at together, but for the margin."""

MARGIN = -(-REACH // CELL) * CELL
"""Pixels around a block that the network sees as well: all that have a say in what it says of the block."""


class Said(NamedTuple):
    """What the network says of one image.

    Attributes:
        heat: probability that the middle of an object lies in a cell of 2x2 pixels.
        inside: probability that a pixel is of an object.
        offsets: rows and columns from a pixel to the middle of its object, in pixels.
    """

    heat: Float[np.ndarray, "rows2 columns2"]
    inside: Float[np.ndarray, "rows columns"]
    offsets: Float[np.ndarray, "rows columns 2"]


def _nothing(rows: int, columns: int) -> Said:
    """What would be said of an image of so many rows and columns in which there is nothing."""
    heat = np.zeros(((rows + 1) // 2, (columns + 1) // 2), np.float32)
    return Said(heat, np.zeros((rows, columns), np.float32), np.zeros((rows, columns, 2), np.float32))


def look(
    network: FieldNetwork, image: Float[np.ndarray, "rows columns 2"], turns: int = 1, first: Said | None = None
) -> Said:
    """What the network says of an image, as probabilities where it says log odds.

    Args:
        network: it.
        image: what it sees.
        turns: 1 to 8. Of so many of the symmetries of a square the mean is given: of the image as it is and of the
            image turned and mirrored, which the network does not treat quite alike.
        first: what a single look has said already, if there was one.
    """
    rows, columns = image.shape[:2]
    even = np.pad(image, [(0, rows % 2), (0, columns % 2), (0, 0)], mode="edge")  # for cells of two pixels
    total = _nothing(rows, columns)
    for turn in range(turns):
        if turn or first is None:
            turned = np.rot90(even, turn % 4)
            heat, inside, offsets = _back(_look(network, turned[::-1] if turn >= 4 else turned), turn)
            said = Said(heat, inside[:rows, :columns], offsets[:rows, :columns])
        else:
            said = first
        total = Said(*(whole + part / turns for whole, part in zip(total, said, strict=True)))
    return total


def _back(said: Said, turn: int) -> Said:
    """What was said of an image turned by so many quarters, and then upside down from 4 on, as of the image itself."""
    if turn >= 4:
        said = Said(said.heat[::-1], said.inside[::-1], said.offsets[::-1] * np.array([-1, 1], np.float32))
    heat, inside, offsets = (np.rot90(part, -turn % 4) for part in said)
    for _ in range(turn % 4):
        offsets = offsets[..., ::-1] * np.array([1, -1], np.float32)
    return Said(heat, inside, offsets)


def _look(network: FieldNetwork, image: Float[np.ndarray, "rows columns 2"]) -> Said:
    """One look.

    A large image is looked at in blocks with a margin, so that nothing shows where they meet. Beyond its right and its
    bottom border an image is mirrored, as far as to the next multiple of `BUCKET`. Time grows with the number of
    pixels; memory beyond that of the image and of the result does not.
    """
    rows, columns = image.shape[:2]
    mode = "reflect" if min(rows, columns) > 2 * BUCKET else "edge"
    image = np.pad(image, [(0, -rows % BUCKET), (0, -columns % BUCKET), (0, 0)], mode=mode)
    high, wide = image.shape[:2]
    heat = np.empty((high // 2, wide // 2), np.float32)
    inside, offsets = np.empty((high, wide), np.float32), np.empty((high, wide, 2), np.float32)
    for top in range(0, high, BLOCK):
        for left in range(0, wide, BLOCK):
            y0, x0 = max(0, top - MARGIN), max(0, left - MARGIN)
            part = image[y0 : top + BLOCK + MARGIN, x0 : left + BLOCK + MARGIN]
            said = [np.asarray(array)[0] for array in _compiled(network, jnp.asarray(part[None]))]
            for whole, found, cell in zip((heat, inside, offsets), said, (2, 1, 1), strict=True):
                to = tuple(slice(first // cell, (first + BLOCK) // cell) for first in (top, left))
                own = tuple(
                    slice((first - start) // cell, (first - start + BLOCK) // cell)
                    for first, start in ((top, y0), (left, x0))
                )
                whole[to] = found[own]
    cells = slice((rows + 1) // 2), slice((columns + 1) // 2)
    return Said(heat[cells], inside[:rows, :columns], offsets[:rows, :columns])


@eqx.filter_jit
def _compiled(network: FieldNetwork, images: Float[Array, "batch rows columns 2"]) -> Outputs:
    said = network(images)
    return Outputs(jax.nn.sigmoid(said.heat), jax.nn.sigmoid(said.inside), said.offsets)
