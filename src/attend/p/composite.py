"""Objects that hide what is behind them: patches with an alpha, composited from front to back."""

import abc
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.geometry import place
from attend.p.patches import Patches


class Composite(NamedTuple):
    """The objects so far, and how much of what is behind them shows through."""

    paint: Float[Array, "h w c"]
    """Their colours, each times its own alpha and what shows through those in front of it."""
    through: Float[Array, "h w 1"]
    backdrop: Float[Array, "h w c"]


class Composited(Patches):
    """Objects are patches of colour and alpha, each behind all before it (Porter and Duff 1984).

    The first object that q finds is in front. So an object that is partly hidden is found after that which hides it.
    """

    @abc.abstractmethod
    def patch(self, what: Float[Array, " d"]) -> Float[Array, "g g c1"]:
        """What the object looks like, each colour times alpha, and last its alpha."""
        ...

    def empty(self) -> Composite:
        """Nothing before black."""
        return self.over(jnp.zeros(self.size))

    def over(self, backdrop: Float[Array, "h w c"]) -> Composite:
        """Nothing before a backdrop."""
        return Composite(jnp.zeros(self.size), jnp.ones((*self.size[:2], 1)), backdrop)

    def layer(self, where: Float[Array, "3"], what: Float[Array, " d"]) -> Float[Array, "h w c1"]:
        """The object alone, each colour times alpha, and last its alpha."""
        return place(self.patch(what), where, self.size[:2])

    def add(self, state: Composite, layer: Float[Array, "h w c1"]) -> Composite:
        """The objects with one more behind them."""
        paint, alpha = jnp.split(layer, [self.size[2]], axis=2)
        alpha = jnp.minimum(alpha, 1.0)
        return Composite(state.paint + state.through * paint, state.through * (1 - alpha), state.backdrop)

    def alpha(self, layer: Float[Array, "h w c1"]) -> Float[Array, "h w"]:
        """How much of each pixel an object covers by itself."""
        return jnp.minimum(layer[..., -1], 1.0)

    def canvas(self, state: Composite) -> Float[Array, "h w c"]:
        """The objects before the backdrop."""
        return state.paint + state.through * state.backdrop
