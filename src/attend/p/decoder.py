"""The partly specified renderer of the paper's 2D experiments: a learned decoder and a window to paint it into."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.geometry import place
from attend.p.patches import Patches, PatchSettings
from attend.p.renderer import renderers


@renderers.register("patch", PatchSettings)
class PatchRenderer(Patches):
    """Objects are patches decoded from `what`, placed by `where`, and added up (paper, section 3.1)."""

    def __init__(self, settings: PatchSettings, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray):
        super().__init__(settings, config, size, size[2], key=key)

    def patch(self, what: Float[Array, " d"]) -> Float[Array, "g g c"]:
        """What the object looks like, in [0, 1]."""
        return jax.nn.sigmoid(self.decoder(what) + self.bias).reshape(self.glimpse, self.glimpse, self.size[2])

    def empty(self) -> Float[Array, "h w c"]:
        """A black canvas."""
        return jnp.zeros(self.size)

    def over(self, backdrop: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        """The backdrop, to which objects are added."""
        return backdrop

    def layer(self, where: Float[Array, "3"], what: Float[Array, " d"]) -> Float[Array, "h w c"]:
        """The object on black."""
        return place(self.patch(what), where, self.size[:2])

    def add(self, state: Float[Array, "h w c"], layer: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        """The canvas with the object's layer added."""
        return state + layer

    def canvas(self, state: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        """The state itself."""
        return state
