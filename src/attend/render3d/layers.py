"""Objects over one another: a fold that does not care in which order they come.

Each object is a layer: how much it covers of each pixel, how far away and how bright it is there. What is seen of
layer j is coverage_j times the product over the others k of 1 - coverage_k * nearer(k, j), where nearer is a smooth
step of the difference in depth: 0 or 1 for objects apart, in between where they touch, so that objects sliding through
one another leave a gradient. That is the usual compositing of sorted layers, made smooth.

Soft Rasterizer (Liu et al. 2019, eqs. 2 and 3) adds up layers with weights coverage * exp(closeness / gamma) instead,
which needs no list. With a gamma at which the nearest object wins, its faintest edge wins too: objects grow by some
pixels, and no gradient is left at their edges. Hence the list, and a comparison of each object with each other, which
costs little beside looking at one.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from attend.render3d.smooth import smooth


class Layer(NamedTuple):
    """One object, over the whole image."""

    coverage: Float[Array, "h w"]
    depth: Float[Array, "h w"]
    """In metres; of no account where the coverage is 0."""
    shade: Float[Array, "h w"]
    """Its brightness, by which the colour is multiplied."""
    colour: Float[Array, "3"]


class Layers(NamedTuple):
    """The last few objects, newest first; a layer without an object covers nothing.

    They are kept apart, for a stack of them would be copied whenever one is added, and once more for its gradient.
    """

    layers: tuple[Layer, ...]
    visible: tuple[Float[Array, "h w"], ...]
    """How much of each is not hidden by the others."""


def no_layers(max_objects: int, size: tuple[int, int]) -> Layers:
    """Room for `max_objects` layers of `size` (height, width), and none there yet."""
    blank = jnp.zeros(size)
    return Layers((Layer(blank, blank, blank, jnp.zeros(3)),) * max_objects, (blank + 1,) * max_objects)


def add(state: Layers, layer: Layer, softness: float) -> Layers:
    """The layers with one more, of as many as there is room for: beyond that the oldest is lost.

    `softness` is the difference in depth, in metres, from which on the nearer object hides all of the farther.
    """
    own, visible = jnp.ones_like(layer.coverage), []
    for other, seen in zip(state.layers, state.visible, strict=True):
        nearer = smooth(0.5 + (other.depth - layer.depth) / (2 * softness))  # the new one than the other
        own *= 1 - other.coverage * (1 - nearer)
        visible.append(seen * (1 - layer.coverage * nearer))
    return Layers((layer, *state.layers[:-1]), (own, *visible[:-1]))


def compose(state: Layers, background: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """The image of the layers before `background`.

    The weights add up to 1. None is negative, for they are the chances that an object is there and nearer than each
    other in a contest by the coin, which two cannot win at once. Where three or more touch, it may have no winner, and
    `background` shines through: by a quarter where three are at exactly the same depth.
    """
    seen = [layer.coverage * visible for layer, visible in zip(*state, strict=True)]
    bright = [weight * layer.shade for weight, layer in zip(seen, state.layers, strict=True)]
    through = 1 - sum(seen)
    channels = [
        through * background[..., channel]
        + sum(weight * layer.colour[channel] for weight, layer in zip(bright, state.layers, strict=True))
        for channel in range(3)
    ]
    return jnp.stack(channels, axis=-1)
