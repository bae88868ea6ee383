"""How pixels scatter about the canvas: p(x | canvas)."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import gammaln


class PixelGaussian(eqx.Module):
    """Normal noise on every pixel alone, of covariance `sd`**2 (W'W)^-1 over its channels, constants included.

    W, `whitening`, is learned, of determinant 1: so `sd` remains the geometric mean of the deviations along the axes of
    the covariance, and no noise can be learned away. Without it every channel has noise of its own, of deviation `sd`.

    What surrounds objects in photographs is mostly lighter and darker shades of the same colours. Where that is known,
    light and shade are cheap to leave unexplained, and what has another colour is not.

    With `dof` above 0 the level of the noise is each image's own, or that of each of `parts` by `parts` equal parts of
    an image: its precision is `sd`**-2 times a draw from a gamma distribution of mean 1 and shape `dof` / 2, which is
    integrated out. That is a multivariate Student t with so many degrees of freedom (Bishop 2006, "Pattern Recognition
    and Machine Learning", eq. 2.161 and 2.162): where an image is hard to explain, explaining a bit is worth less.
    """

    sd: float = eqx.field(static=True)
    factor: Float[Array, "c c"] | None = None
    """The part of W below the diagonal, and on it the logarithms of its diagonal and any constant."""
    dof: float = eqx.field(static=True, default=0.0)
    """Degrees of freedom of each level; 0 for one level in all images."""
    parts: int = eqx.field(static=True, default=1)
    """Rows, and columns, of parts that have a level each."""

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
        constant = image.size * (math.log(self.sd) + 0.5 * math.log(2 * math.pi))
        if not self.dof:
            return -0.5 / self.sd**2 * jnp.sum(squares, axis=(-3, -2, -1)) - constant
        rows, columns = (self._parts(side) for side in image.shape[:2])
        squares = jnp.einsum("...hwc,hi,wj->...ij", squares, rows, columns)
        sizes = image.shape[2] * np.outer(rows.sum(0), columns.sum(0))
        total = 0.5 * (self.dof + sizes)
        constant += np.sum(0.5 * sizes * math.log(0.5 * self.dof) + math.lgamma(0.5 * self.dof) - gammaln(total))
        return -jnp.sum(total * jnp.log1p(squares / (self.dof * self.sd**2)), axis=(-2, -1)) - constant

    def _parts(self, side: int) -> Float[np.ndarray, "side parts"]:
        """Which of the equal parts of a side each pixel is in, one-hot."""
        return np.eye(self.parts, dtype=np.float32)[np.arange(side) * self.parts // side]
