"""Objects of any colours that hide what is behind them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.p.composite import Composited
from attend.p.patches import Patches, PatchSettings
from attend.p.renderer import renderers


@renderers.register("alpha", PatchSettings)
class AlphaRenderer(Composited):
    """Patches of colour and alpha, decoded from `what`."""

    def __init__(self, settings: PatchSettings, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray):
        Patches.__init__(self, settings, config, size, size[2] + 1, key=key)

    def patch(self, what: Float[Array, " d"]) -> Float[Array, "g g c1"]:
        """What the object looks like, each colour times alpha, and last its alpha."""
        colour, alpha = jnp.split(self.decoder(what).reshape(self.glimpse, self.glimpse, -1), [self.size[2]], axis=2)
        alpha = jax.nn.sigmoid(alpha + self.bias)
        return jnp.concatenate([jax.nn.sigmoid(colour) * alpha, alpha], axis=2)
