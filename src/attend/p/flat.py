"""Objects of one colour each, that hide what is behind them: a code that tells shape and colour apart."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.p.composite import Composited
from attend.p.patches import Patches, PatchSettings
from attend.p.renderer import renderers


@renderers.register("flat", PatchSettings)
class FlatRenderer(Composited):
    """Patches of alpha decoded from a part of `what`, each in one colour that the rest of `what` tells."""

    colour: eqx.nn.Linear

    def __init__(self, settings: PatchSettings, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray):
        colour_key, key = jax.random.split(key)
        Patches.__init__(self, settings, config, size, 1, colours=size[2], key=key)
        self.colour = eqx.nn.Linear(size[2], size[2], key=colour_key)

    def patch(self, what: Float[Array, " d"]) -> Float[Array, "g g c1"]:
        """What the object looks like, its colour times alpha, and last its alpha."""
        colour, shape = jnp.split(what, [self.size[2]])
        alpha = jax.nn.sigmoid(self.decoder(shape).reshape(self.glimpse, self.glimpse, 1) + self.bias)
        return alpha * jnp.append(jax.nn.sigmoid(self.colour(colour)), 1.0)
