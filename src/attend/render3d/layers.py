"""Objects over one another: a fold that does not care in which order they come.

Each object is a layer: how much it covers of each pixel, how far away and how bright it is there. What is seen of
layer j is coverage_j times the product over the others k of 1 - coverage_k * nearer(k, j), where nearer is a logistic
function of the difference in depth: 0 or 1 for objects apart, in between where they touch, so that objects sliding
through one another leave a gradient. That is the usual compositing of sorted layers, made smooth.

Soft Rasterizer (Liu et al. 2019, eqs. 2 and 3) adds up layers with weights coverage * exp(closeness / gamma) instead,
which needs no list. With a gamma at which the nearest object wins, its faintest edge wins too: objects grow by some
pixels, and no gradient is left at their edges. Hence the list, and a comparison of each object with each other, which
costs little beside looking at one.
"""

from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Layer(NamedTuple):
    """One object, over the whole image."""

    coverage: Float[Array, "h w"]
    depth: Float[Array, "h w"]
    """In metres; of no account where the coverage is 0."""
    shade: Float[Array, "h w"]
    """Its brightness, by which the colour is multiplied."""
    colour: Float[Array, "3"]


class Layers(NamedTuple):
    """The last few objects, newest first; a layer without an object covers nothing."""

    coverage: Float[Array, "t h w"]
    depth: Float[Array, "t h w"]
    shade: Float[Array, "t h w"]
    colour: Float[Array, "t 3"]
    visible: Float[Array, "t h w"]
    """How much of each is not hidden by the others."""


def no_layers(max_objects: int, size: tuple[int, int]) -> Layers:
    """Room for `max_objects` layers of `size` (height, width), and none there yet."""
    blank = jnp.zeros((max_objects, *size))
    return Layers(blank, blank, blank, jnp.zeros((max_objects, 3)), blank + 1)


def add(layers: Layers, layer: Layer, softness: float) -> Layers:
    """The layers with one more, of at most `max_objects`: beyond that the oldest is lost.

    `softness` is the difference in depth, in metres, at which the nearer object hides 73 % of the farther.
    """
    nearer = jax.nn.sigmoid((layers.depth - layer.depth) / softness)  # the new one than the others
    hidden = reduce(jnp.multiply, 1 - layers.coverage * (1 - nearer))
    visible = layers.visible * (1 - layer.coverage * nearer)
    return Layers(
        *(
            jnp.concatenate([new[None], old[:-1]])
            for new, old in zip((*layer, hidden), (*layers[:4], visible), strict=True)
        )
    )


def compose(layers: Layers, background: Float[Array, "h w 3"]) -> Float[Array, "h w 3"]:
    """The image of the layers before `background`.

    The weights add up to 1. None is negative, for they are the chances that an object is there and nearer than each
    other in a contest by the coin, which two cannot win at once. Where three or more touch, it may have no winner, and
    `background` shines through: by a quarter where three are at exactly the same depth.
    """
    seen = layers.coverage * layers.visible
    image = (1 - jnp.sum(seen, axis=0))[..., None] * background
    for weight, colour in zip(seen * layers.shade, layers.colour, strict=True):
        image += weight[..., None] * colour
    return image
