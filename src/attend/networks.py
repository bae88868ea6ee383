"""Small networks that p and q share."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class Dense(eqx.Module):
    """Fully connected layers with rectified hidden units, of the sizes `widths` from input to output."""

    layers: list[eqx.nn.Linear]

    def __init__(self, widths: Sequence[int], *, key: PRNGKeyArray):
        keys = jax.random.split(key, len(widths) - 1)
        self.layers = [eqx.nn.Linear(a, b, key=k) for a, b, k in zip(widths[:-1], widths[1:], keys, strict=True)]

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Apply the layers."""
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)


class Convolution(eqx.Module):
    """A convolution as one matrix product over patches cut from the image, `padding` zeros around it.

    Inside a compiled loop on CPU, XLA's own convolutions run over 20 times slower than this in the backward pass.
    """

    weight: Float[Array, "taps outputs"]
    bias: Float[Array, " outputs"]
    kernel: int = eqx.field(static=True)
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True)

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int, padding: int, key: PRNGKeyArray):
        taps = kernel**2 * inputs
        weight_key, bias_key = jax.random.split(key)
        bound = taps**-0.5
        self.weight = jax.random.uniform(weight_key, (taps, outputs), minval=-bound, maxval=bound)
        self.bias = jax.random.uniform(bias_key, (outputs,), minval=-bound, maxval=bound)
        self.kernel = kernel
        self.stride = stride
        self.padding = padding

    def __call__(self, x: Float[Array, "h w inputs"]) -> Float[Array, "h2 w2 outputs"]:
        """Convolve."""
        x = jnp.pad(x, ((self.padding, self.padding), (self.padding, self.padding), (0, 0)))
        rows, columns = ((side - self.kernel) // self.stride + 1 for side in x.shape[:2])
        taps = [
            x[
                i : i + self.stride * (rows - 1) + 1 : self.stride,
                j : j + self.stride * (columns - 1) + 1 : self.stride,
            ]
            for i in range(self.kernel)
            for j in range(self.kernel)
        ]
        patches = jnp.concatenate(taps, axis=-1)
        return patches @ self.weight + self.bias


def space_to_depth(image: Float[Array, "h w c"], block: int) -> Float[Array, "h2 w2 d"]:
    """Cut `image` into blocks of `block` x `block` pixels, zero-padded to whole blocks, a vector each."""
    height, width, channels = image.shape
    image = jnp.pad(image, ((0, -height % block), (0, -width % block), (0, 0)))
    blocks = image.reshape(image.shape[0] // block, block, image.shape[1] // block, block, channels)
    return blocks.transpose(0, 2, 1, 3, 4).reshape(blocks.shape[0], blocks.shape[2], -1)
