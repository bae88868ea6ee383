"""A plain variational autoencoder (Kingma and Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114)."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from attend.baselines.training import DARK, PIXEL_SD, for_each
from attend.distributions import Gaussian, positive
from attend.networks import Dense
from attend.p import PixelGaussian
from attend.q import draw


class VAE(eqx.Module):
    """Dense layers to a Gaussian latent and back; the pixel likelihood is that of AIR.

    The latent has as many numbers as two of AIR's objects have for `what`.
    """

    encoder: Dense
    decoder: Dense
    likelihood: PixelGaussian
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        size: tuple[int, int, int],
        *,
        hidden: tuple[int, ...] = (512, 256),
        latent: int = 100,
        key: PRNGKeyArray,
    ):
        encoder_key, decoder_key = jax.random.split(key)
        pixels = math.prod(size)
        self.encoder = Dense([pixels, *hidden, 2 * latent], key=encoder_key)
        self.decoder = Dense([latent, *reversed(hidden), pixels], key=decoder_key)
        self.likelihood = PixelGaussian(PIXEL_SD)
        self.size = size

    def encode(self, image: Float[Array, "h w c"]) -> Gaussian:
        """q(z|image)."""
        mean, raw = jnp.split(self.encoder(image.ravel()), 2)
        return Gaussian(mean, positive(raw))

    def decode(self, z: Float[Array, " z"]) -> Float[Array, "h w c"]:
        """The mean of p(image|z), in [0, 1]."""
        return jax.nn.sigmoid(self.decoder(z) + DARK).reshape(self.size)

    def elbo(self, image: Float[Array, "h w c"], key: PRNGKeyArray) -> Float[Array, ""]:
        """A one-sample estimate of the bound on log p(image), in nats."""
        q = self.encode(image)
        prior = Gaussian(jnp.zeros_like(q.mean), jnp.ones_like(q.mean))
        return self.likelihood.log_prob(image, self.decode(draw(q, key))) - q.kl(prior)

    def code(self, images: Any) -> Float[np.ndarray, "n z"]:
        """The mean of q(z|image) for each image."""
        return for_each(self._code, images, self.size)

    def reconstruct(self, images: Any) -> Float[np.ndarray, "n h w c"]:
        """The images decoded from those means, in [0, 1]."""
        return for_each(self._reconstruct, images, self.size)

    def _code(self, image):
        return self.encode(image).mean

    def _reconstruct(self, image):
        return self.decode(self._code(image))
