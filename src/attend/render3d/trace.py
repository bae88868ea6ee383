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
    """One approach of each ray to the surface; heights above it are in widths of the rim."""

    nearest: Float[Array, "*n"]
    """Distance along the ray to where it comes nearest."""
    height: Float[Array, "*n"]
    """The height there; below the surface any of 0 or less."""
    lost: Float[Array, "*n"]
    """The share of its light that the ray loses on the way."""
    lost_at: Float[Array, "*n"]
    late: Float[Array, "*n"]
    """That share times the mean distance along the ray, from its start, at which it is lost."""


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


def through(height: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The share of light that gets down to `height`, from 0 to 1."""
    return height**2 * (3 - 2 * height)


def look(distance: Distance, rays: Rays, size: Float[Array, ""], lamp: Float[Array, "3"]) -> Seen:
    """What `rays` see of the object whose surface is where `distance` is 0.

    Args:
        distance: the signed distance function of the object at size 1, in its own frame.
        rays: in that frame, in units of `size`.
        size: of the object, in metres.
        lamp: the unit vector towards the lamp, in that frame.
    """
    fixed = jax.lax.stop_gradient((distance, rays))
    first, second, top = march(*fixed)

    def height(at, distance=distance, rays=rays):
        return distance(rays.at(at)) / (rays.rim * at)

    def meet(approach, top):
        found, entry, delay = settle(approach, *fixed)
        slope = (height(entry * 1.001, *fixed) - height(entry, *fixed)) / (0.001 * entry)
        # The points found stay where they are in the world, in metres, while the object moves and grows about them.
        found, entry = (jax.lax.stop_gradient(at * size) / size for at in (found, entry))
        lowest, here = jnp.clip(height(found), 0.0, top), height(entry)
        m = jax.lax.stop_gradient(lowest)
        kappa = 6 * m * (1 - m) / (through(top) - through(m) + 1e-3)
        kappa = jax.lax.stop_gradient(kappa * (found - entry))
        depth = entry + delay * (here - jax.lax.stop_gradient(here)) - kappa * (lowest - m)
        level = here + slope * (depth - entry)
        towards_lamp = tuple(part + SHADING * step for part, step in zip(rays.at(depth), lamp, strict=True))
        cosine = (distance(towards_lamp) - level * rays.rim * depth) / SHADING
        return through(lowest) / jnp.maximum(through(top), 1e-6), depth, cosine

    passed, depth, cosine = meet(first, jnp.ones_like(top))
    passed_both, depth_behind, cosine_behind = meet(second, top)
    passed_both = passed * passed_both
    coverage = 1 - passed_both
    behind = (passed - passed_both) / jnp.maximum(coverage, 1e-6)
    return Seen(
        coverage, size * (depth + behind * (depth_behind - depth)), cosine + behind * (cosine_behind - cosine)
    )


def settle(approach: Approach, distance: Distance, rays: Rays):
    def height(at):
        return distance(rays.at(at)) / (rays.rim * at)

    step = 0.5 * rays.rim * approach.nearest
    before, behind = height(approach.nearest - step), height(approach.nearest + step)
    bend = jnp.maximum(before + behind - 2 * approach.height, 0.01)
    nearest = approach.nearest + step * jnp.clip((before - behind) / (2 * bend), -1.0, 1.0)
    entry = rays.start + (approach.lost_at + 1e-4 * (nearest - rays.start)) / (approach.lost + 1e-4)
    return nearest, entry, approach.late / (approach.lost + 1e-4)


def march(distance: Distance, rays: Rays, steps: int = STEPS) -> tuple[Approach, Approach, Float[Array, "*n"]]:
    """The first approach of each ray to within the rim, what follows, and the height, at most 1, between the two.

    In the rim a step is half its width, so that a ray passes the point where it comes nearest.
    """

    def height(at):
        return distance(rays.at(at)) / (rays.rim * at)

    def step(_, carry):
        at, here, first, second, top, left = carry
        then = at + jnp.maximum(here, 0.5) * rays.rim * at
        there = height(then)
        falls = there < here
        passed = 1 - first.lost - second.lost
        left = left | ((passed < 1) & ~falls)
        # Height is taken to fall evenly from `here` to `there`.
        upper, lower = jnp.clip(here, 0.0, 1.0), jnp.clip(there, 0.0, 1.0)
        passing = through(upper)
        share = jnp.where(falls, passed / jnp.maximum(passing, 1e-6), 0.0)
        lost = share * (passing - through(lower))
        fall = (then - at) / jnp.maximum(here - there, 1e-6)
        lost_at = lost * (at - rays.start + here * fall) - share * fall * (moment(upper) - moment(lower))
        again = left & (second.lost + lost <= 0)
        first = approached(first, ~left, there < first.height, then, there, lost, lost_at, lost * fall)
        second = approached(second, left, again | (there < second.height), then, there, lost, lost_at, lost * fall)
        return then, there, first, second, jnp.where(again, there, top), left

    start, zero = rays.start, jnp.zeros_like(rays.start)
    here = height(start)
    none = Approach(start, here, zero, zero, zero)
    carry = (start, here, none, none, zero+1, jnp.zeros_like(start, bool))
    _, _, first, second, top, _ = jax.lax.fori_loop(1, steps, step, carry)
    return first, second, jnp.clip(top, 0, 1)

def moment(h):
    return h**3 * (2 - 1.5 * h)

def approached(approach, on, nearer, at, height, lost, lost_at, late):
    return Approach(
        jnp.where(on & nearer, at, approach.nearest),
        jnp.where(on & nearer, height, approach.height),
        jnp.where(on, approach.lost + lost, approach.lost),
        jnp.where(on, approach.lost_at + lost_at, approach.lost_at),
        jnp.where(on, approach.late + late, approach.late),
    )
