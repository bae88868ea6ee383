"""Pixel noise whose level is each image's own, or that of each part of an image."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import gammaln

from attend.config import ModelConfig
from attend.p.likelihood import GaussianSettings, PixelGaussian, likelihoods
from attend.settings import POSITIVE


@dataclass(frozen=True)
class StudentSettings(GaussianSettings):
    """Normal noise whose level is each image's own, or that of each part of an image."""

    pixel_dof: Annotated[float, POSITIVE] = 500.0
    """Degrees of freedom of the level: the fewer the more it varies."""
    pixel_dof_parts: Annotated[int, POSITIVE] = 1
    """So many by so many equal parts of an image have each a level of its own."""


class PixelStudent(PixelGaussian):
    """As `PixelGaussian`, but the level of the noise is each image's own, or that of each of its parts.

    An image has `parts` by `parts` equal parts. The precision of each is `sd`**-2 times a draw from a gamma
    distribution of mean 1 and shape `dof` / 2, which is integrated out. That is a multivariate Student t with so many
    degrees of freedom (Bishop 2006, "Pattern Recognition and Machine Learning", eq. 2.161 and 2.162): where an image is
    hard to explain, explaining a bit is worth less.
    """

    dof: float = eqx.field(static=True, kw_only=True)
    parts: int = eqx.field(static=True, default=1, kw_only=True)
    """Rows, and columns, of parts that have a level each."""

    def log_prob(self, image: Float[Array, "h w c"], canvas: Float[Array, "*n h w c"]) -> Float[Array, "*n"]:
        """log p(image | canvas) in nats, summed over pixels and channels, for each canvas."""
        squares = self.whitened(image - canvas) ** 2
        rows, columns = (self._parts(side) for side in image.shape[:2])
        squares = jnp.einsum("...hwc,hi,wj->...ij", squares, rows, columns)
        sizes = image.shape[2] * np.outer(rows.sum(0), columns.sum(0))
        total = 0.5 * (self.dof + sizes)
        constant = self.constant(image.size)
        constant += np.sum(0.5 * sizes * math.log(0.5 * self.dof) + math.lgamma(0.5 * self.dof) - gammaln(total))
        return -jnp.sum(total * jnp.log1p(squares / (self.dof * self.sd**2)), axis=(-2, -1)) - constant

    def _parts(self, side: int) -> Float[np.ndarray, "side parts"]:
        """Which of the equal parts of a side each pixel is in, one-hot."""
        return np.eye(self.parts, dtype=np.float32)[np.arange(side) * self.parts // side]


@likelihoods.register("student", StudentSettings)
def _student(settings: StudentSettings, config: ModelConfig, size: tuple[int, int, int]) -> Any:
    factor = settings.factor(size[2])
    return PixelStudent(settings.pixel_sd, factor, dof=settings.pixel_dof, parts=settings.pixel_dof_parts)
