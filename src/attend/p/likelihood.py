"""How pixels scatter about the canvas: p(x | canvas)."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class PixelGaussian(eqx.Module):
    """Independent normal noise on every pixel, of covariance `sd`**2 (W'W)^-1 over its channels, constants included.

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
        constant = image.size * (math.log(self.sd) + 0.5 * math.log(2 * math.pi))
        return -0.5 / self.sd**2 * jnp.sum(self.whitened(image - canvas) ** 2, axis=(-3, -2, -1)) - constant
