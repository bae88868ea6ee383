"""The network of q over a field: a small U-net that works on cells of 2x2 pixels."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

WIDTHS = (24, 48, 72)
"""Channels at 2, 4 and 8 pixels a cell."""

CELL = 8
"""Sides of what the network takes are multiples of this."""

REACH = 72
"""Pixels: nothing farther away has a say in what it says of a pixel."""


class Outputs(NamedTuple):
    """What the network says of a batch of images.

    Attributes:
        heat: log odds that the middle of an object lies in a cell of 2x2 pixels.
        inside: log odds that a pixel is of an object.
        offsets: rows and columns from a pixel to the middle of its object, in pixels.
    """

    heat: Float[Array, "batch rows2 columns2"]
    inside: Float[Array, "batch rows columns"]
    offsets: Float[Array, "batch rows columns 2"]


class Convolution(eqx.Module):
    """A convolution, of which the weights are kept as `(rows, columns, inputs, outputs)`."""

    weight: Float[Array, "k k i o"]
    bias: Float[Array, " o"]
    stride: int = eqx.field(static=True)

    def __init__(self, key: PRNGKeyArray, size: int, inputs: int, outputs: int, *, stride: int = 1, scale: float = 1.0):
        deviation = scale * (2 / (size**2 * inputs)) ** 0.5
        self.weight = deviation * jax.random.normal(key, (size, size, inputs, outputs))
        self.bias = jnp.zeros(outputs)
        self.stride = stride

    def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b h2 w2 o"]:
        """Of a batch."""
        strides = (self.stride, self.stride)
        return self.bias + jax.lax.conv_general_dilated(
            x, self.weight, strides, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )


class Residual(eqx.Module):
    """Two convolutions that add to what they are given (He et al. 2016)."""

    first: Convolution
    second: Convolution

    def __init__(self, key: PRNGKeyArray, width: int):
        first, second = jax.random.split(key)
        self.first = Convolution(first, 3, width, width)
        self.second = Convolution(second, 3, width, width, scale=0.3)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        """Of a batch."""
        return jax.nn.relu(x + self.second(jax.nn.relu(self.first(x))))


class FieldNetwork(eqx.Module):
    """From what q sees of images of any size to where their objects are (a U-net; Ronneberger et al. 2015)."""

    enter: Convolution
    down: tuple[Convolution, Convolution]
    up: tuple[Convolution, Convolution]
    fine: tuple[Residual, Residual]
    middle: tuple[Residual, Residual]
    coarse: tuple[Residual, Residual]
    leave: Convolution

    def __init__(self, key: PRNGKeyArray):
        keys = iter(jax.random.split(key, 12))
        a, b, c = WIDTHS
        self.enter = Convolution(next(keys), 3, 8, a)
        self.down = (Convolution(next(keys), 2, a, b, stride=2), Convolution(next(keys), 2, b, c, stride=2))
        self.up = (Convolution(next(keys), 1, b, a), Convolution(next(keys), 1, c, b))
        self.fine = (Residual(next(keys), a), Residual(next(keys), a))
        self.middle = (Residual(next(keys), b), Residual(next(keys), b))
        self.coarse = (Residual(next(keys), c), Residual(next(keys), c))
        self.leave = Convolution(next(keys), 3, a, 13, scale=0.1)

    def __call__(self, images: Float[Array, "batch rows columns 2"]) -> Outputs:
        """Of images as `attend.photometry.seen` shows them, whose sides are multiples of `CELL`."""
        fine = self.fine[0](jax.nn.relu(self.enter(_to_cells(images))))
        middle = self.middle[0](jax.nn.relu(self.down[0](fine)))
        coarse = self.coarse[1](self.coarse[0](jax.nn.relu(self.down[1](middle))))
        middle = self.middle[1](jax.nn.relu(middle + self.up[1](_doubled(coarse))))
        fine = self.fine[1](jax.nn.relu(fine + self.up[0](_doubled(middle))))
        said = self.leave(fine)
        pixels = _to_pixels(said[..., 1:])
        return Outputs(said[..., 0] - 4.0, pixels[..., 0] - 1.0, 7.0 * pixels[..., 1:])


def _to_cells(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c4"]:
    """The four pixels of each cell as channels."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(b, h // 2, w // 2, 4 * c)


def _to_pixels(x: Float[Array, "b h2 w2 c4"]) -> Float[Array, "b h w c"]:
    """The inverse of `_to_cells`."""
    b, h, w, c = x.shape
    return x.reshape(b, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5).reshape(b, 2 * h, 2 * w, c // 4)


def _doubled(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Each cell twice along both sides."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
