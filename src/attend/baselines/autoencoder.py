"""A convolutional autoencoder, and its encoder, which is the classifier's network too."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.baselines.training import DARK, PIXEL_SD, as_unit, for_each
from attend.networks import Convolution, Dense, space_to_depth
from attend.p import PixelGaussian

BLOCK = 4
"""Pixels on the side of the blocks that the first convolution takes in and the last one paints."""


def grid(size: tuple[int, int, int]) -> tuple[int, int]:
    """Rows and columns of the encoder's last features: one for every two blocks, begun ones included."""
    rows, columns = (-(-side // (2 * BLOCK)) for side in size[:2])
    return rows, columns


class Encoder(eqx.Module):
    """Three convolutions, of `widths` channels, and two dense layers, from an image to a vector."""

    convolutions: list[Convolution]
    dense: Dense

    def __init__(
        self,
        size: tuple[int, int, int],
        outputs: int,
        *,
        widths: tuple[int, int, int] = (32, 64, 64),
        hidden: int = 256,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 4)
        a, b, c = widths
        rows, columns = grid(size)
        self.convolutions = [
            Convolution(BLOCK**2 * size[2], a, 3, stride=1, padding=1, key=keys[0]),
            Convolution(a, b, 3, stride=2, padding=1, key=keys[1]),
            Convolution(b, c, 3, stride=1, padding=1, key=keys[2]),
        ]
        self.dense = Dense([rows * columns * c, hidden, outputs], key=keys[3])

    def __call__(self, image: Float[Array, "h w c"]) -> Float[Array, " outputs"]:
        """Encode."""
        features = space_to_depth(image, BLOCK)
        for convolution in self.convolutions:
            features = jax.nn.relu(convolution(features))
        return self.dense(features.ravel())


class Decoder(eqx.Module):
    """The encoder's mirror: dense layers to a coarse grid, which is enlarged and convolved into an image."""

    dense: Dense
    convolutions: list[Convolution]
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        size: tuple[int, int, int],
        inputs: int,
        *,
        widths: tuple[int, int] = (64, 32),
        hidden: int = 256,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 3)
        a, b = widths
        rows, columns = grid(size)
        self.dense = Dense([inputs, hidden, rows * columns * a], key=keys[0])
        self.convolutions = [
            Convolution(a, b, 3, stride=1, padding=1, key=keys[1]),
            Convolution(b, BLOCK**2 * size[2], 3, stride=1, padding=1, key=keys[2]),
        ]
        self.size = size

    def __call__(self, code: Float[Array, " inputs"]) -> Float[Array, "h w c"]:
        """Decode to an image in [0, 1]."""
        features = jax.nn.relu(self.dense(code)).reshape(*grid(self.size), -1)
        features = jnp.repeat(jnp.repeat(features, 2, axis=0), 2, axis=1)
        blocks = self.convolutions[1](jax.nn.relu(self.convolutions[0](features)))
        return jax.nn.sigmoid(depth_to_space(blocks, BLOCK, self.size) + DARK)


def depth_to_space(blocks: Float[Array, "h2 w2 d"], block: int, size: tuple[int, int, int]) -> Float[Array, "h w c"]:
    """The inverse of `attend.networks.space_to_depth`: blocks back to an image, cut to `size`."""
    rows, columns, _ = blocks.shape
    height, width, channels = size
    image = blocks.reshape(rows, columns, block, block, channels).transpose(0, 2, 1, 3, 4)
    return image.reshape(rows * block, columns * block, channels)[:height, :width]


class Autoencoder(eqx.Module):
    """A convolutional autoencoder with a code as long as that of the variational one (`VAE`)."""

    encoder: Encoder
    decoder: Decoder
    likelihood: PixelGaussian

    def __init__(self, size: tuple[int, int, int], *, latent: int = 100, key: PRNGKeyArray):
        encoder_key, decoder_key = jax.random.split(key)
        self.encoder = Encoder(size, latent, key=encoder_key)
        self.decoder = Decoder(size, latent, key=decoder_key)
        self.likelihood = PixelGaussian(PIXEL_SD)

    def __call__(self, image: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        """The image that the code of `image` decodes to, in [0, 1]."""
        return self.decoder(self.encoder(image))

    def code(self, images: Any) -> Float[np.ndarray, "n z"]:
        """The code of each image."""
        return for_each(self.encoder, images, self.decoder.size)

    def reconstruct(self, images: Any) -> Float[np.ndarray, "n h w c"]:
        """The images that those codes decode to, in [0, 1]."""
        return for_each(self, images, self.decoder.size)


def autoencoder_loss(
    module: Autoencoder, images: Array, key: PRNGKeyArray, step: Int[Array, ""] | int
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The squared error as a negative log likelihood under AIR's pixel noise, averaged over a batch of images."""
    images = as_unit(images)
    log_likelihood = jnp.mean(jax.vmap(module.likelihood.log_prob)(images, jax.vmap(module)(images)))
    return -log_likelihood, {"log_likelihood": log_likelihood}
