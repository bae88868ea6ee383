"""The light over the table: one far lamp, and some light from everywhere."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.errors import AttendError


class Light(eqx.Module):
    """Matt surfaces under a lamp so far off that its rays are parallel; nothing throws a shadow."""

    direction: tuple[float, float, float] = eqx.field(static=True, default=(-0.5, -0.4, 1.0))
    """Towards the lamp, in the world's frame; any length."""
    ambient: float = eqx.field(static=True, default=0.35)
    """Share of the light that comes from everywhere, 0 to 1; the rest is the lamp's."""

    def __check_init__(self):
        """Refuse what is no light."""
        if not 0 < math.hypot(*self.direction) < math.inf:
            raise AttendError(f"light.direction: {self.direction}; it must be finite and not 0")
        if not 0 <= self.ambient <= 1:
            raise AttendError(f"light.ambient: {self.ambient}; it must be between 0 and 1")

    @property
    def towards(self) -> np.ndarray:
        """The unit vector towards the lamp (3,)."""
        return np.divide(self.direction, math.hypot(*self.direction))

    def shade(self, cosine: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """How bright a surface is, 0 to 1, from the cosine between its normal and the lamp (Lambert's law)."""
        return self.ambient + (1 - self.ambient) * jnp.clip(cosine, 0.0, 1.0)
