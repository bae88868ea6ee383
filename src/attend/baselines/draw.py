"""DRAW (Gregor et al. 2015, "DRAW: A Recurrent Neural Network For Image Generation", arXiv 1502.04623).

A variational autoencoder that reads and paints an image in several strokes. At each step Gaussian filters read a patch
of the image and of the error so far, an encoder LSTM turns it into a latent, and a decoder LSTM adds a patch to the
canvas. Unlike AIR it has no objects: nothing says how many steps a scene takes or which latent belongs to what.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from attend.baselines.training import DARK, PIXEL_SD, for_each
from attend.distributions import Gaussian, positive
from attend.p import PixelGaussian
from attend.q import draw


class Attention(NamedTuple):
    """A grid of N x N Gaussian filters over an image: the filters' weights along each axis, and a gain."""

    rows: Float[Array, "n h"]
    columns: Float[Array, "n w"]
    intensity: Float[Array, ""]


def filterbank(
    centre: Float[Array, ""], stride: Float[Array, ""], variance: Float[Array, ""], filters: int, pixels: int
) -> Float[Array, "n p"]:
    """Gaussian filters along one axis, each normalised to sum 1 over its pixels (section 3.2).

    `centre` is the middle of the grid and `stride` the distance of its filters, in pixels, 0 being the middle of
    the first; `variance` is in pixels squared.
    """
    means = centre + (jnp.arange(filters) - (filters - 1) / 2) * stride
    distance = jnp.arange(pixels) - means[:, None]
    return jax.nn.softmax(-(distance**2) / (2 * variance), axis=1)


def attention(raw: Float[Array, "5"], filters: int, size: tuple[int, int]) -> Attention:
    """The grid that five unbounded numbers describe (section 3.2): all 0 is one that spans the whole image."""
    height, width = size
    x, y = raw[:2]
    variance, relative_stride, intensity = jnp.exp(raw[2:])
    stride = (max(size) - 1) / (filters - 1) * relative_stride
    return Attention(
        filterbank(((height + 1) * y + height - 1) / 2, stride, variance, filters, height),
        filterbank(((width + 1) * x + width - 1) / 2, stride, variance, filters, width),
        intensity,
    )


def read(image: Float[Array, "h w c"], at: Attention) -> Float[Array, "n n c"]:
    """The patch that the filters see (section 3.3)."""
    return at.intensity * jnp.einsum("gh,hwc,kw->gkc", at.rows, image, at.columns)


def write(patch: Float[Array, "n n c"], at: Attention) -> Float[Array, "h w c"]:
    """The patch painted by the filters: the transpose of `read`, but divided by the intensity (section 3.3)."""
    return jnp.einsum("gh,gkc,kw->hwc", at.rows, patch, at.columns) / at.intensity


class Strokes(NamedTuple):
    """One pass over one image: the T latents' means, their KL to the prior in nats, and the image painted."""

    means: Float[Array, "t z"]
    kl: Float[Array, " t"]
    painted: Float[Array, "h w c"]


class Draw(eqx.Module):
    """DRAW with selective attention and the pixel likelihood of AIR.

    The sizes of the LSTMs and of the latent are the paper's for MNIST. It takes 64 steps there, reading 2 x 2 and
    writing 5 x 5 filters, and 32 steps of 12 x 12 for photographs (table 3); here it is 8 steps of 12 x 12, which
    train in minutes on a CPU. The canvas before the first step is learned, as in the paper.
    """

    encoder: eqx.nn.LSTMCell
    decoder: eqx.nn.LSTMCell
    infer: eqx.nn.Linear
    where_to_read: eqx.nn.Linear
    where_to_write: eqx.nn.Linear
    paint: eqx.nn.Linear
    blank: Float[Array, "h w c"]
    likelihood: PixelGaussian
    steps: int = eqx.field(static=True)
    patch: int = eqx.field(static=True)
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self,
        size: tuple[int, int, int],
        *,
        steps: int = 8,
        patch: int = 12,
        hidden: int = 256,
        latent: int = 100,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 6)
        seen = patch**2 * size[2]
        self.encoder = eqx.nn.LSTMCell(2 * seen + hidden, hidden, key=keys[0])
        self.decoder = eqx.nn.LSTMCell(latent, hidden, key=keys[1])
        self.infer = eqx.nn.Linear(hidden, 2 * latent, key=keys[2])
        self.where_to_read = eqx.nn.Linear(hidden, 5, key=keys[3])
        self.where_to_write = eqx.nn.Linear(hidden, 5, key=keys[4])
        self.paint = eqx.nn.Linear(hidden, seen, key=keys[5])
        self.blank = jnp.full(size, DARK)
        self.likelihood = PixelGaussian(PIXEL_SD)
        self.steps = steps
        self.patch = patch
        self.size = size

    def unroll(self, image: Float[Array, "h w c"], key: PRNGKeyArray | None = None) -> Strokes:
        """Read and paint for T steps (section 2.1); without a key every latent is its mean."""
        height, width, channels = image.shape

        def step(carry, key):
            encoder, decoder, canvas = carry
            error = image - jax.nn.sigmoid(canvas)
            at = attention(self.where_to_read(decoder[0]), self.patch, (height, width))
            seen = read(jnp.concatenate([image, error], axis=-1), at)
            encoder = self.encoder(jnp.concatenate([seen.ravel(), decoder[0]]), encoder)
            mean, raw = jnp.split(self.infer(encoder[0]), 2)
            q = Gaussian(mean, positive(raw))
            decoder = self.decoder(draw(q, key), decoder)
            patch = self.paint(decoder[0]).reshape(self.patch, self.patch, channels)
            at = attention(self.where_to_write(decoder[0]), self.patch, (height, width))
            kl = q.kl(Gaussian(jnp.zeros_like(mean), jnp.ones_like(mean)))
            return (encoder, decoder, canvas + write(patch, at)), (mean, kl)

        nothing = jnp.zeros(self.encoder.hidden_size)
        start = (nothing, nothing), (nothing, nothing), self.blank
        keys = None if key is None else jax.random.split(key, self.steps)
        (_, _, canvas), (means, kl) = jax.lax.scan(step, start, keys, self.steps)
        return Strokes(means, kl, jax.nn.sigmoid(canvas))

    def elbo(self, image: Float[Array, "h w c"], key: PRNGKeyArray) -> Float[Array, ""]:
        """A one-sample estimate of the bound on log p(image), in nats (section 2.2)."""
        strokes = self.unroll(image, key)
        return self.likelihood.log_prob(image, strokes.painted) - jnp.sum(strokes.kl)

    def code(self, images: Any) -> Float[np.ndarray, "n code"]:
        """The means of all steps' latents, T * z numbers an image."""
        return for_each(self._code, images, self.size)

    def reconstruct(self, images: Any) -> Float[np.ndarray, "n h w c"]:
        """The images painted from those means, in [0, 1]."""
        return for_each(self._reconstruct, images, self.size)

    def _code(self, image):
        return self.unroll(image).means.ravel()

    def _reconstruct(self, image):
        return self.unroll(image).painted
