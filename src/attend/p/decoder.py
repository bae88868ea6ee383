"""The partly specified renderer of the paper's 2D experiments: a learned decoder paints a patch, geometry places it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.geometry import place


class PatchRenderer(eqx.Module):
    """Objects are patches decoded from `what`, placed by `where`, and added up (paper, section 3.1).

    `bias` is added to the decoder's output before the sigmoid, so that patches start dark.
    """

    size: tuple[int, int, int] = eqx.field(static=True)
    glimpse: int = eqx.field(static=True)
    bias: float = eqx.field(static=True)
    decoder: eqx.nn.MLP

    def __init__(self, size, what: int, *, glimpse: int, hidden: int, depth: int, bias: float, key: PRNGKeyArray):
        self.size = size
        self.glimpse = glimpse
        self.bias = bias
        self.decoder = eqx.nn.MLP(what, glimpse**2 * size[2], hidden, depth, jax.nn.relu, key=key)

    def patch(self, what: Float[Array, "d"]) -> Float[Array, "g g c"]:
        """What the object looks like, in [0, 1]."""
        return jax.nn.sigmoid(self.decoder(what) + self.bias).reshape(self.glimpse, self.glimpse, self.size[2])

    def empty(self) -> Float[Array, "h w c"]:
        """A black canvas."""
        return jnp.zeros(self.size)

    def add(self, state: Float[Array, "h w c"], where: Float[Array, "3"], what: Float[Array, "d"]) -> Float[Array, "h w c"]:
        """The canvas with the object's layer added."""
        return state + place(self.patch(what), where, self.size[:2])

    def canvas(self, state: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        """The state itself."""
        return state
