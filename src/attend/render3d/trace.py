"""What one object looks like along a bundle of rays: how much of each it covers, how far away, how bright.

The image must be smooth in pose, or its gradient says little of how it changes. So the object has a soft halo, a pixel
wide, in which a ray loses its light. How much it loses is the rule of NeuS (Wang et al. 2021, eq. 13): where it comes
down from one height above the surface to a lower one, the quotient of `smooth` at the two is let through; where it goes
up, all is. A ray sees two approaches to the surface: the first, which fades at the object's outline and at each edge
that it has before itself, as the rim of a mug before its inside or the handle before the body, and what follows behind.

Rays are sphere traced (Hart 1996, "Sphere Tracing") without a gradient. On the march each approach is summed up: where
it comes nearest, and the mean point at which light is lost, where it is shaded. A mean stays where it is when two
approaches become one. What is differentiated is one look at the distance function at each of these points, after Yariv
et al. 2020 ("Multiview Neural Surface Reconstruction by Disentangling Geometry and Appearance"): the least height needs
no gradient of its point (their section 3.3), and the mean point moves by the implicit function theorem (their eq. 3),
summed up over the approach.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from attend.render3d.shapes import Shape
from attend.render3d.smooth import moment, smooth

Triple = tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]]
"""x, y and z of points or vectors, each an array: see `shapes.Points`."""

STEPS = 16
"""How many steps a ray takes on its march."""

PACE = 0.5
"""The least step, in widths of the halo."""

SHADING = 0.15
"""How far towards the lamp, in sizes of the object, its distance is looked at to tell the slope of the surface.

The slope then has no jump at a crease, which would move over the pixels without leaving a gradient.
"""

LITTLE = 1e-4
"""A share of light too small to be seen: an approach that loses less is shaded where it comes nearest."""


class Rays(NamedTuple):
    """A bundle of rays from one point, in the object's frame and in units of its size."""

    origin: Float[Array, "3"]
    direction: Triple
    """Unit vectors."""
    halo: Float[Array, "*n"]
    """How wide the object's halo is at distance 1."""
    start: Float[Array, "*n"]
    """Where the march begins: no part of the object is nearer."""

    def at(self, distance: Float[Array, "*n"]) -> Triple:
        """The points at `distance` along the rays."""
        x, y, z = (start + distance * step for start, step in zip(self.origin, self.direction, strict=True))
        return x, y, z

    def height(self, shape: Shape, distance: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """How far above the surface the points at `distance` are, in widths of the halo there."""
        return shape(self.at(distance)) / (self.halo * distance)


class Approach(NamedTuple):
    """One approach of each ray to the surface."""

    top: Float[Array, "*n"]
    """The height in the halo from which it comes, 0 to 1."""
    nearest: Float[Array, "*n"]
    """Distance along the ray to where it comes nearest."""
    height: Float[Array, "*n"]
    """The height there, in widths of the halo; 0 or less if it goes in."""
    lost: Float[Array, "*n"]
    """The share of its light that the ray loses."""
    lost_at: Float[Array, "*n"]
    """Mean distance beyond the ray's start at which it is lost, times `lost`."""
    delay: Float[Array, "*n"]
    """How much farther on the ray would be at the same height if all heights grew by 1, times `lost`."""


class Seen(NamedTuple):
    """What the rays see of the object."""

    coverage: Float[Array, "*n"]
    """How much of the pixel it covers, 0 to 1."""
    depth: Float[Array, "*n"]
    """Distance along the ray, in metres."""
    shade: Float[Array, "*n"]
    """Its brightness."""


def bundle(
    origin: Float[Array, "3"],
    direction: Triple,
    halo: Float[Array, "*n"],
    middle: Float[Array, "3"],
    radius: Float[Array, ""],
) -> Rays:
    """Rays that start, in front of the camera, where they meet or pass the sphere about `middle`, two halos wider."""
    towards = middle - origin
    along = sum(towards[axis] * direction[axis] for axis in range(3))
    reach = radius + 2 * halo * jnp.sqrt(jnp.sum(towards**2))
    half_chord = jnp.sqrt(jnp.maximum(reach**2 + along**2 - jnp.sum(towards**2), 0.0))
    return Rays(origin, direction, halo, jnp.maximum(along - half_chord, 0.01))


def look(
    shape: Shape,
    rays: Rays,
    size: Float[Array, ""],
    lamp: Float[Array, "3"],
    shade: Callable[[Float[Array, "*n"]], Float[Array, "*n"]],
) -> Seen:
    """What `rays` see of an object.

    Args:
        shape: of the object at size 1, in its own frame.
        rays: in that frame, in units of `size`.
        size: of the object, in metres.
        lamp: the unit vector towards the lamp, in that frame.
        shade: the brightness of a surface from the cosine between its normal and the lamp.
    """
    fixed_shape, fixed = jax.lax.stop_gradient((shape, rays))

    def meet(approach: Approach) -> tuple[Array, Array, Array]:
        """How much light passes, and how far away and how bright is the surface that takes the rest."""
        nearest = sharpen(fixed_shape, fixed, approach)
        share = 1 / (approach.lost + LITTLE)
        entry = fixed.start + share * (approach.lost_at + LITTLE * (nearest - fixed.start))
        slope = (fixed.height(fixed_shape, 1.001 * entry) - fixed.height(fixed_shape, entry)) / (0.001 * entry)
        # The points stay where they are in the world, in metres, while the object moves and grows about them.
        nearest, entry = (jax.lax.stop_gradient(at * size) / size for at in (nearest, entry))
        least, here = jnp.clip(rays.height(shape, nearest), 0.0, approach.top), rays.height(shape, entry)
        fixed_least, fixed_here = jax.lax.stop_gradient((least, here))
        kept = smooth(approach.top) - smooth(fixed_least) + LITTLE
        hastened = 6 * fixed_least * (1 - fixed_least) / kept * jax.lax.stop_gradient(nearest - entry)
        depth = entry + share * approach.delay * (here - fixed_here) - hastened * (least - fixed_least)
        height = here + slope * (depth - entry)
        point = rays.at(depth)
        to_lamp = shape(tuple(part + SHADING * step for part, step in zip(point, lamp, strict=True)))
        width = rays.halo * depth
        passed = smooth(least) / jnp.maximum(smooth(approach.top), LITTLE)
        return passed, depth, shape.tone_at(point, width) * shade((to_lamp - height * width) / SHADING)

    (passed, depth, bright), (passed_behind, depth_behind, bright_behind) = map(meet, march(fixed_shape, fixed))
    coverage = 1 - passed * passed_behind
    behind = passed * (1 - passed_behind) / jnp.maximum(coverage, LITTLE)
    return Seen(coverage, size * (depth + behind * (depth_behind - depth)), bright + behind * (bright_behind - bright))


def sharpen(shape: Shape, rays: Rays, approach: Approach) -> Float[Array, "*n"]:
    """Where the ray comes nearest, by the parabola through three heights."""
    step = PACE * rays.halo * approach.nearest
    before, behind = (rays.height(shape, approach.nearest + sign * step) for sign in (-1, 1))
    bend = jnp.maximum(before + behind - 2 * approach.height, 0.01)
    return approach.nearest + step * jnp.clip((before - behind) / (2 * bend), -1.0, 1.0)


def march(shape: Shape, rays: Rays) -> tuple[Approach, Approach]:
    """The first approach of each ray to the surface, and what follows, of which the nearest part counts as one."""

    def step(_, carry):
        at, here, first, second, rises = carry
        then = at + jnp.maximum(here, PACE) * rays.halo * at
        there = rays.height(shape, then)
        passed = 1 - first.lost - second.lost
        rises = rises | ((passed < 1) & (there >= here))
        # Between two looks the ray is taken to come down evenly.
        share = jnp.where(there < here, passed / jnp.maximum(smooth(here), LITTLE), 0.0)
        lost = share * (smooth(here) - smooth(there))
        delay = (then - at) / jnp.maximum(here - there, LITTLE)
        lost_at = lost * (at - rays.start + here * delay) - share * delay * (moment(here) - moment(there))
        losses = (lost, lost_at, lost * delay)
        anew = second.lost + lost <= 0
        first = _followed(first, ~rises, there < first.height, then, there, losses)
        second = _followed(second, rises, anew | (there < second.height), then, there, losses)
        second = second._replace(top=jnp.where(rises & anew, there, second.top))
        return then, there, first, second, rises

    start, none = rays.start, jnp.zeros_like(rays.start)
    here = rays.height(shape, start)
    approach = Approach(none + 1, start, here, none, none, none)
    carry = (start, here, approach, approach, jnp.zeros_like(start, bool))
    _, _, first, second, _ = jax.lax.fori_loop(0, STEPS, step, carry)
    return first, second._replace(top=jnp.clip(second.top, 0.0, 1.0))


def _followed(
    approach: Approach,
    along: Bool[Array, "*n"],
    nearer: Bool[Array, "*n"],
    at: Float[Array, "*n"],
    height: Float[Array, "*n"],
    losses: tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]],
) -> Approach:
    """An approach one step on, if the ray is `along` it."""
    lost, lost_at, delay = (jnp.where(along, old + new, old) for old, new in zip(approach[3:], losses, strict=True))
    nearest = jnp.where(along & nearer, at, approach.nearest)
    return Approach(approach.top, nearest, jnp.where(along & nearer, height, approach.height), lost, lost_at, delay)
