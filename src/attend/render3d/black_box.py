"""A renderer from outside: any function that draws whole scenes, without a gradient of its own."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.errors import AttendError
from attend.render3d.finite_differences import black_box


class BlackBoxRenderer(eqx.Module):
    """Draws with `function`, which sees all objects of a scene at once.

    Its state is a list of the objects: (max_objects, 1 + where + what), newest first, each with its presence (1 or 0)
    before its `where` and `what`; what an absent object says is 0.

    A canvas is one call of `function` for the whole batch (see `finite_differences`). The canvases of 0 to N objects
    that a pass over an image asks for are N + 1 calls, and draw N (N + 1) / 2 objects rather than N; nothing can change
    that while `function` shows only whole scenes.
    """

    function: Callable[[np.ndarray], np.ndarray] = eqx.field(static=True)
    """From float32 states (n, max_objects, 1 + where + what) to images (n, h, w, c) in [0, 1]; it calls no JAX."""
    steps: tuple[float, ...] = eqx.field(static=True)
    """Finite-difference step of each number of `where`, then of `what`; 0 for one without a gradient, as a category."""
    size: tuple[int, int, int] = eqx.field(static=True)
    """Height, width and channels of the image."""
    where: Any = eqx.field(static=True)
    """What a `where` is, as `attend.p.Where`: say `Poses`."""
    what: Any = eqx.field(static=True)
    """What a `what` is, as `attend.p.What`: say `Solids`."""
    max_objects: int = eqx.field(static=True, default=3)
    """How many objects a scene holds at most; beyond that the first is lost."""

    def __check_init__(self):
        """Refuse a list with no room, and steps that are not one for each number."""
        numbers = (*self.where.names, *self.what.names)
        if len(self.steps) != len(numbers):
            raise AttendError(f"steps: {self.steps}; there must be one for each of {', '.join(numbers)}")
        if self.max_objects < 1:
            raise AttendError(f"max_objects: {self.max_objects}; it must be at least 1")

    def empty(self) -> Float[Array, "t o"]:
        """No object."""
        return jnp.zeros((self.max_objects, 1 + len(self.steps)))

    def layer(self, where: Float[Array, " k"], what: Float[Array, " d"]) -> Float[Array, " o"]:
        """An object as the list has it; it is not drawn before the scene is."""
        return jnp.concatenate([jnp.ones(1), where, what])

    def add(self, state: Float[Array, "t o"], layer: Float[Array, " o"]) -> Float[Array, "t o"]:
        """The list with one more object."""
        return jnp.concatenate([layer[None], state[:-1]])

    def canvas(self, state: Float[Array, "t o"]) -> Float[Array, "h w c"]:
        """The image of the objects listed."""

        def function(scenes):
            return self.function(scenes.reshape(-1, *state.shape))

        return black_box(function, (0.0, *self.steps) * self.max_objects, self.size)(state.reshape(-1))
