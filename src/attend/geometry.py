"""Where an object is: from `where` to pixels and back.

A 2D `where` is `(scale, x, y)`: a square window whose side is `scale` times the image's shorter side, centred at
`(x, y)`, with x to the right and y down, both -1..1 from edge to edge of the image. Resampling is separable: one small
kernel matrix per axis, so that a crop or a placement is two matrix products with a clean gradient (the bilinear
sampler of Jaderberg et al. 2015, "Spatial Transformer Networks", eq. 5). Where it shrinks, a sample is as wide as the
distance between samples and takes each pixel by the share that they overlap, so that no pixel is skipped.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

VISIBLE = 0.15
"""Share of a layer's strongest pixel that others must have to count for its box."""


def resampling_kernel(
    inputs: int, outputs: int, centre: Float[Array, ""], pitch: Float[Array, ""]
) -> Float[Array, "o i"]:
    """Weights that resample `inputs` pixels to `outputs`, whose middle is at `centre` and which are `pitch` apart.

    `centre` and `pitch` are in input pixels, 0 being the middle of the first. Outside the input there is nothing (0).
    Within it the weights of a sample add up to 1, and so do, where it shrinks, those of a pixel times `pitch`.
    """
    at = centre + (jnp.arange(outputs) - (outputs - 1) / 2) * pitch
    width = jnp.maximum(pitch, 1.0)
    overlap = (1.0 + width) / 2 - jnp.abs(at[:, None] - jnp.arange(inputs))  # of a sample and a pixel
    return jnp.clip(overlap, 0.0, 1.0) / width


def window(
    where: Float[Array, "3"], size: tuple[int, int]
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """The window's middle (column, row) and its side, in pixels of an image of `size` (height, width).

    Columns and rows count from 0, the middle of the first pixel.
    """
    height, width = size
    scale, x, y = where
    return (x + 1) / 2 * width - 0.5, (y + 1) / 2 * height - 0.5, scale * min(height, width)


def attend(image: Float[Array, "h w c"], where: Float[Array, "3"], glimpse: int) -> Float[Array, "g g c"]:
    """The part of `image` under the window `where`, resampled to `glimpse` x `glimpse` pixels (x_att in the paper)."""
    height, width, _ = image.shape
    column, row, side = window(where, (height, width))
    rows = resampling_kernel(height, glimpse, row, side / glimpse)
    columns = resampling_kernel(width, glimpse, column, side / glimpse)
    return jnp.einsum("gh,hwc,kw->gkc", rows, image, columns)


def place(patch: Float[Array, "g g c"], where: Float[Array, "3"], size: tuple[int, int]) -> Float[Array, "h w c"]:
    """The layer: `patch` painted into the window `where` of an empty image of `size` (y in the paper)."""
    height, width = size
    glimpse = patch.shape[0]
    column, row, side = window(where, size)
    pitch = glimpse / side
    rows = resampling_kernel(glimpse, height, (glimpse - 1) / 2 + ((height - 1) / 2 - row) * pitch, pitch)
    columns = resampling_kernel(glimpse, width, (glimpse - 1) / 2 + ((width - 1) / 2 - column) * pitch, pitch)
    return jnp.einsum("hg,gkc,wk->hwc", rows, patch, columns)


def box_window(box: Float[Array, "4"], size: tuple[int, int]) -> Float[Array, "3"]:
    """The smallest window `where` that covers `box`, `(x0, y0, width, height)` in pixels; at least one pixel."""
    height, width = size
    x0, y0, wide, high = box
    side = jnp.maximum(jnp.maximum(wide, high), 1.0)
    return jnp.stack([side / min(height, width), (2 * x0 + wide) / width - 1, (2 * y0 + high) / height - 1])


def footprint_box(layer: Float[Array, "h w c"], threshold: float = VISIBLE) -> Float[Array, "4"]:
    """The tight box `(x0, y0, width, height)` of what `layer` paints, in pixels; all 0 where it paints nothing.

    A pixel counts when it is at least `threshold` times as far from 0 as the layer's strongest pixel.
    """
    strength = jnp.max(jnp.abs(layer), axis=-1)
    painted = strength >= threshold * jnp.maximum(jnp.max(strength), 1e-3)

    def extent(line):
        first, last = jnp.argmax(line), line.shape[0] - jnp.argmax(line[::-1])
        return first, jnp.where(jnp.any(line), last - first, 0)

    x0, width = extent(jnp.any(painted, axis=0))
    y0, height = extent(jnp.any(painted, axis=1))
    return jnp.stack([x0, y0, width, height]).astype(jnp.float32)


def box_mask(cover: Float[Array, "h w"], box: Float[Array, "4"], m: int) -> Float[Array, "m m"]:
    """The part of `cover` inside `box`, `(x0, y0, width, height)` in pixels, resampled to `m` x `m` samples."""
    x0, y0, wide, high = box
    rows, columns = (
        resampling_kernel(pixels, m, first + length / 2 - 0.5, length / m)
        for pixels, first, length in zip(cover.shape, (y0, x0), (high, wide), strict=True)
    )
    return rows @ cover @ columns.T
