"""How pixels scatter about the canvas: p(x | canvas)."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class PixelGaussian(eqx.Module):
    """Independent normal noise of standard deviation `sd` on every pixel, constants included."""

    sd: float = eqx.field(static=True)

    def log_prob(self, image: Float[Array, "h w c"], canvas: Float[Array, "*n h w c"]) -> Float[Array, "*n"]:
        """log p(image | canvas) in nats, summed over pixels and channels, for each canvas."""
        constant = image.size * (math.log(self.sd) + 0.5 * math.log(2 * math.pi))
        return -0.5 / self.sd**2 * jnp.sum((image - canvas) ** 2, axis=(-3, -2, -1)) - constant
