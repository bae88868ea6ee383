"""Looking at an image of any size with the network, in bounded memory and without seams."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.field.network import CELL, REACH, FieldNetwork, Outputs

BLOCK = 512
"""Pixels along a side of what is looked at together, but for the margin that the network needs to see around it."""

BUCKET = 64
"""Sides are rounded up to multiples of this, so that few programs are compiled for images of many sizes."""


def look(network: FieldNetwork, image: Float[np.ndarray, "rows columns 2"]) -> Outputs:
    """What the network says of an image, as probabilities where it says log odds, and in numpy's arrays.

    A large image is looked at in blocks with a margin of as many pixels as the network reaches, so that nothing shows
    where they meet. Time grows with the number of pixels; memory beyond that of the result does not.
    """
    rows, columns = image.shape[:2]
    even = rows + rows % 2, columns + columns % 2
    heat = np.empty((even[0] // 2, even[1] // 2), np.float32)
    inside, offsets = np.empty(even, np.float32), np.empty((*even, 2), np.float32)
    margin = -(-REACH // CELL) * CELL
    for top in range(0, rows, BLOCK):
        for left in range(0, columns, BLOCK):
            y0, x0 = max(0, top - margin), max(0, left - margin)
            part = image[y0 : top + BLOCK + margin, x0 : left + BLOCK + margin]
            said = _said(network, part)
            y, x = top - y0, left - x0
            high, wide = min(BLOCK, even[0] - top), min(BLOCK, even[1] - left)
            inside[top : top + high, left : left + wide] = said.inside[y : y + high, x : x + wide]
            offsets[top : top + high, left : left + wide] = said.offsets[y : y + high, x : x + wide]
            cells = said.heat[y // 2 : (y + high) // 2, x // 2 : (x + wide) // 2]
            heat[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2] = cells
    return Outputs(heat, inside[:rows, :columns], offsets[:rows, :columns])  # pyright: ignore[reportArgumentType]


def _said(network: FieldNetwork, part: np.ndarray) -> Outputs:
    """Of one block, enlarged to a size for which there is a program."""
    missing = [(0, -side % BUCKET + (BUCKET if side % BUCKET > BUCKET - CELL else 0)) for side in part.shape[:2]]
    mode = "reflect" if min(part.shape[:2]) > 2 * BUCKET else "edge"
    padded = np.pad(part, [*missing, (0, 0)], mode=mode)[None]
    return jax.tree.map(lambda array: np.asarray(array)[0], _compiled(network, jnp.asarray(padded)))


@eqx.filter_jit
def _compiled(network: FieldNetwork, images: Float[Array, "batch rows columns 2"]) -> Outputs:
    said = network(images)
    return Outputs(jax.nn.sigmoid(said.heat), jax.nn.sigmoid(said.inside), said.offsets)
