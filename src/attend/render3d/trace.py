"""What one object looks like along a bundle of rays: how much of each it covers, how far away, how bright.

The image must be smooth in pose, or its gradient says little of how it changes. So the object has a soft rim: a ray is
let through less and less while it nears the surface from `blur` pixels away, and along the ray light is lost as in NeuS
(Wang et al. 2021, eq. 13): where the distance falls from one height to a lower, the share that gets through is the
quotient of a smooth function of the two; where it rises, nothing is lost. What a ray sees is then the first two
approaches to the surface: the object's near side, fading over a pixel at its outline and at every edge that it has
before itself, as a rim before the inside of a mug, and what lies behind.

Rays are sphere traced (Hart 1996, "Sphere Tracing") without a gradient, to where they come nearest and to where they
have come half-way into the rim. What is differentiated is one look at the distance function at each of those points,
after Yariv et al. 2020 ("Multiview Neural Surface Reconstruction by Disentangling Geometry and Appearance"): the
nearest distance needs no gradient of its point, as it has its minimum there (their section 3.3); the point half-way
into the rim moves by the implicit function theorem (their eq. 3). The surface is shaded there, where a sharp edge is
rounded by the width of the rim.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Triple = tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]]
"""x, y and z of points or vectors, each an array: see `shapes.Points`."""

Distance = Callable[[Triple], Float[Array, "*n"]]
"""A signed distance function that is a pytree of what it depends on, such as `shapes.Shape`."""

STEPS = 20
"""How often a ray looks at the distance function on its march."""

HALVINGS = 3

STEEP = 0.1
"""The smallest slope, in rims a rim, by which the entry into the rim is taken to move; towards 0 it has no bound."""

SHADING = 0.15
"""How far towards the lamp, in sizes of the object, its distance is looked at to tell the slope of the surface.

The slope then has no jump at a crease, which would move over the pixels without leaving a gradient.
"""


class Rays(NamedTuple):
    """A bundle of rays from one point, in the object's frame and in units of its size."""

    origin: Float[Array, "3"]
    direction: Triple
    """Unit vectors."""
    rim: Float[Array, "*n"]
    """Width of the soft rim at distance 1."""
    start: Float[Array, "*n"]
    """Where the march begins: no part of the object is nearer."""

    def at(self, distance: Float[Array, "*n"]) -> Triple:
        """The points at `distance` along the rays."""
        x, y, z = (start + distance * step for start, step in zip(self.origin, self.direction, strict=True))
        return x, y, z


class Approach(NamedTuple):
    """One approach of rays to the surface; heights above it are in widths of the rim."""

    before: Float[Array, "*n"]
    """Distance along the ray to a point before it, outside the rim or where the ray had last gone away."""
    from_height: Float[Array, "*n"]
    """The height there."""
    nearest: Float[Array, "*n"]
    """Distance along the ray to where it comes nearest, or to a point inside."""
    height: Float[Array, "*n"]
    """The height there."""


class Seen(NamedTuple):
    """What the rays see of the object."""

    coverage: Float[Array, "*n"]
    """How much of the pixel it covers, 0 to 1."""
    depth: Float[Array, "*n"]
    """Distance along the ray, in metres."""
    cosine: Float[Array, "*n"]
    """Between the lamp and the surface there."""


def bundle(origin, direction, spread, blur, middle, radius):
    """Rays that start, in front of the camera, where they meet or pass the sphere about `middle`, two rims wider."""
    rim = blur * spread
    towards = middle - origin
    along = sum(towards[axis] * direction[axis] for axis in range(3))
    reach = radius + 2 * rim * jnp.sqrt(jnp.sum(towards**2))
    half_chord = jnp.sqrt(jnp.maximum(reach**2 + along**2 - jnp.sum(towards**2), 0.0))
    return Rays(origin, direction, rim, jnp.maximum(along - half_chord, 0.01))


def through(height):
    """The share of a pixel that passes the surface at `height`: 0 on it, 1 beyond the rim."""
    height = jnp.clip(height, 0.0, 1.0)
    return height**2 * (3 - 2 * height)


def look(distance: Distance, rays: Rays, size, lamp) -> Seen:
    fixed = jax.lax.stop_gradient((distance, rays))
    first, second = march(*fixed)

    def height(at, distance=distance, rays=rays):
        return distance(rays.at(at)) / (rays.rim * at)

    def met(approach: Approach):
        found, entry, slope = settle(lambda at: height(at, *fixed), fixed[1], approach)
        # The points found stay where they are in the world, in metres, while the object moves and grows about them.
        found, entry = (jax.lax.stop_gradient(at * size) / size for at in (found, entry))
        lowest = jnp.maximum(height(found), 0.0)
        level = (lowest + approach.from_height.clip(0, 1)) / 2
        depth = entry - (height(entry) - level) / slope
        towards_lamp = tuple(part + SHADING * step for part, step in zip(rays.at(depth), lamp, strict=True))
        cosine = (distance(towards_lamp) - level * rays.rim * depth) / SHADING
        return through(lowest), depth, cosine

    passed, depth, cosine = met(first)
    passed_both, depth_behind, cosine_behind = met(second)
    passed_both = passed * jnp.minimum(passed_both / jnp.maximum(through(second.from_height), 1e-6), 1.0)
    coverage = 1 - passed_both
    behind = (passed - passed_both) / jnp.maximum(coverage, 1e-6)
    return Seen(coverage, size * (depth + behind * (depth_behind - depth)), cosine + behind * (cosine_behind - cosine))


def settle(height, rays, approach):
    """Sharpen"""
    before, from_height, nearest, lowest = approach
    step = 0.5 * rays.rim * nearest
    left, right = height(nearest - step), height(nearest + step)
    bend = jnp.maximum(left + right - 2 * lowest, 0.01)
    nearest = nearest + step * jnp.clip((left - right) / (2 * bend), -1.0, 1.0)
    lowest = height(nearest)
    level = (jnp.maximum(lowest, 0.0) + from_height.clip(0, 1)) / 2
    near, far, above, below = before, nearest, from_height - level, lowest - level
    for _ in range(HALVINGS):
        middle = near + (far - near) * jnp.clip(above / jnp.maximum(above - below, 1e-6), 0.0, 1.0)
        value = height(middle) - level
        high = value > 0
        near, above, far, below = (
            jnp.where(high, middle, near),
            jnp.where(high, value, above / 2),
            jnp.where(high, far, middle),
            jnp.where(high, below / 2, value),
        )
    entry = near + (far - near) * jnp.clip(above / jnp.maximum(above - below, 1e-6), 0.0, 1.0)
    step = 0.05 * rays.rim * entry
    slope = (height(entry + step) - height(entry - step)) / (2 * step)
    return nearest, entry, jnp.minimum(slope, -STEEP / (rays.rim * entry))


def march(distance: Distance, rays: Rays, steps: int = STEPS) -> tuple[Approach, Approach]:
    """The first approach of each ray to within the rim, and the closest of those behind it.

    In the rim a step is half its width, so that a ray passes the point where it comes nearest.
    """

    def height(at):
        return distance(rays.at(at)) / (rays.rim * at)

    def step(_, carry):
        at, here, first, second, left = carry
        at = at + jnp.maximum(here, 0.5) * rays.rim * at
        here = height(at)
        left = left | ((first.height < 1) & (here > first.height))
        falls = ~left & (first.height > 0)
        fresh = second.height >= jnp.minimum(second.from_height, 1)
        again = left & fresh & (here >= jnp.minimum(second.from_height, 1))
        lower = left & (second.height > 0) & (here < second.height)
        first = replaced(first, falls & (here >= 1), falls, at, here)
        second = replaced(second, again, again | lower, at, here)
        return at, here, first, second, left

    start = rays.start
    here = height(start)
    first = Approach(start, here, start, here)
    second = Approach(start, jnp.zeros_like(here), start, here)
    _, _, first, second, _ = jax.lax.fori_loop(1, steps, step, (start, here, first, second, here < 0))
    return first, second


def replaced(approach, before, nearest, at, here):
    return Approach(
        jnp.where(before, at, approach.before),
        jnp.where(before, here, approach.from_height),
        jnp.where(nearest, at, approach.nearest),
        jnp.where(nearest, here, approach.height),
    )
