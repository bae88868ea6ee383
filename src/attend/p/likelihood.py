"""How pixels scatter about the canvas: p(x | canvas)."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.config import CHOICES, ModelConfig
from attend.settings import POSITIVE, Choices, Settings


@runtime_checkable
class Likelihood(Protocol):
    """p(x | canvas), with parameters of its own if it learns any."""

    def whitened(self, pixels: Float[Array, "*n c"]) -> Float[Array, "*n c"]:
        """The pixels in coordinates in which noise is independent and of one size; q sees images so."""
        ...

    def log_prob(self, image: Float[Array, "h w c"], canvas: Float[Array, "*n h w c"]) -> Float[Array, "*n"]:
        """log p(image | canvas) in nats, summed over pixels and channels, for each canvas."""
        ...


likelihoods: Choices[Likelihood] = CHOICES["likelihood"]
"""Likelihoods by name: each a function or class `(settings, config, size)`."""


@dataclass(frozen=True)
class GaussianSettings(Settings):
    """Normal noise on every pixel alone."""

    pixel_sd: Annotated[float, POSITIVE] = 0.3
    """Standard deviation of the pixel noise."""
    pixel_covariance: Literal["isotropic", "full"] = "isotropic"
    """Of that noise, over a pixel's channels: the same in each, or 'full': learned, of the same volume. In photographs
    light and shade vary more than colours do, and so what has a colour of its own stands out."""

    def factor(self, channels: int) -> Float[Array, "c c"] | None:
        """That of `PixelGaussian` before anything is learned."""
        return jnp.zeros((channels, channels)) if self.pixel_covariance == "full" else None


class PixelGaussian(eqx.Module):
    """Normal noise on every pixel alone, of covariance `sd`**2 (W'W)^-1 over its channels, constants included.

    W, `whitening`, is learned, of determinant 1: so `sd` remains the geometric mean of the deviations along the axes of
    the covariance, and no noise can be learned away. Without it every channel has noise of its own, of deviation `sd`.

    What surrounds objects in photographs is mostly lighter and darker shades of the same colours. Where that is known,
    light and shade are cheap to leave unexplained, and what has another colour is not.
    """

    sd: float = eqx.field(static=True)
    factor: Float[Array, "c c"] | None = None
    """The part of W below the diagonal, and on it the logarithms of its diagonal and any constant."""

    @property
    def whitening(self) -> Float[Array, "c c"] | None:
        """W, lower triangular; None for the identity."""
        if self.factor is None:
            return None
        logs = jnp.diag(self.factor)
        return jnp.tril(self.factor, -1) + jnp.diag(jnp.exp(logs - jnp.mean(logs)))

    def whitened(self, pixels: Float[Array, "*n c"]) -> Float[Array, "*n c"]:
        """The pixels in coordinates in which noise is independent, of deviation `sd` in each."""
        whitening = self.whitening
        return pixels if whitening is None else pixels @ whitening.T

    def log_prob(self, image: Float[Array, "h w c"], canvas: Float[Array, "*n h w c"]) -> Float[Array, "*n"]:
        """log p(image | canvas) in nats, summed over pixels and channels, for each canvas."""
        squares = self.whitened(image - canvas) ** 2
        return -0.5 / self.sd**2 * jnp.sum(squares, axis=(-3, -2, -1)) - self.constant(image.size)

    def constant(self, numbers: int) -> float:
        """Minus the log density of so many numbers that are as they are expected."""
        return numbers * (math.log(self.sd) + 0.5 * math.log(2 * math.pi))


@likelihoods.register("gaussian", GaussianSettings)
def _gaussian(settings: GaussianSettings, config: ModelConfig, size: tuple[int, int, int]) -> Any:
    return PixelGaussian(settings.pixel_sd, settings.factor(size[2]))
