"""What p asks of a renderer: draw an object, add it to a scene that starts empty, show the image at any time.

A renderer is a fold over objects, each of which is drawn once, by itself: so whoever wants to see it alone too, or
before another background, need not have it drawn again. The canvases of n = 0..N objects, which the exact sum over
counts needs, cost one pass, and a cell may look at the canvas so far while it infers the next object. What a renderer
keeps between objects (`State`) is its own affair: the image painted so far, a depth buffer, or the list of the objects.

A renderer may have three things more. `over(backdrop)` is an empty scene before a backdrop, an image: without it there
is no `background` other than its own. `mask(state)` is how much of each pixel the objects cover: without it an object's
box is drawn around the pixels that it changes in an empty scene. `alpha(layer)` is how much of each pixel one object
covers by itself: without it, or before a background, an object's mask is what its box is drawn around.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.config import CHOICES
from attend.p.latents import What, Where
from attend.settings import Choices

State = TypeVar("State")


@runtime_checkable
class Renderer(Protocol[State]):
    """Turns objects into images of `size` (height, width, channels), and says how it describes an object."""

    size: tuple[int, int, int]

    @property
    def where(self) -> Where:
        """What a `where` is."""
        ...

    @property
    def what(self) -> What:
        """What a `what` is."""
        ...

    def empty(self) -> State:
        """The state of a scene with no object."""
        ...

    def layer(self, where: Array, what: Array) -> Any:
        """One object by itself: all that `add` must know of it."""
        ...

    def add(self, state: State, layer: Any) -> State:
        """The state after one more object."""
        ...

    def canvas(self, state: State) -> Float[Array, "h w c"]:
        """The image of the scene as it stands."""
        ...


def canvas_with(renderer: Renderer[Any], state: Any, where: Array, what: Array) -> Float[Array, "h w c"]:
    """The image of a scene with one more object."""
    return renderer.canvas(renderer.add(state, renderer.layer(where, what)))


def footprint(renderer: Renderer[Any], empty: Any, state: Any) -> Float[Array, "h w"]:
    """How much of each pixel the objects cover or, if the renderer does not tell, change in an empty scene."""
    if hasattr(renderer, "mask"):
        return renderer.mask(state)  # pyright: ignore[reportAttributeAccessIssue]
    return jnp.max(jnp.abs(renderer.canvas(state) - renderer.canvas(empty)), axis=-1)


def cover(
    renderer: Renderer[Any], layer: Any, shown: Float[Array, "h w"], *, before_background: bool
) -> Float[Array, "h w"]:
    """How much of each pixel an object covers, in [0, 1]; `shown` is its `footprint`.

    Before a background it is what the object changes of that, over its strongest pixel: a patch paints some of the
    background around its object as well.
    """
    if hasattr(renderer, "mask"):
        return shown
    if hasattr(renderer, "alpha") and not before_background:
        return renderer.alpha(layer)  # pyright: ignore[reportAttributeAccessIssue]
    return shown / jnp.maximum(jnp.max(shown), 1e-3)


renderers: Choices[Renderer[Any]] = CHOICES["renderer"]
"""Renderers by name: each a class `(settings, config, size, *, key)`, its own settings and those of the whole model."""
