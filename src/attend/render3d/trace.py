"""What one object looks like along a bundle of rays: how much of each it covers, how far away, how bright.

Rays are sphere traced (Hart 1996, "Sphere Tracing") without a gradient, to the point where they enter the object and to
the point where they come nearest to its surface. What is differentiated is one look at the distance function at each of
those points, after Yariv et al. 2020 ("Multiview Neural Surface Reconstruction by Disentangling Geometry and
Appearance"): the coverage through the distance at the nearest point, which needs no gradient of the point itself
because the distance has its minimum there (their section 3.3), and the depth by the implicit function theorem (their
eq. 3). So the silhouette moves the image by gradient; an edge of the object in front of itself does not.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Triple = tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]]
"""x, y and z of points or vectors, each an array: see `shapes.Points`."""

Distance = Callable[[Triple], Float[Array, "*n"]]
"""A signed distance function that is a pytree of what it depends on, such as `shapes.Shape`."""

STEPS = 16
"""How often a ray looks at the distance function on its march."""

GRAZING = 0.1
"""The smallest cosine at which depth's gradient takes a ray to meet a surface; towards 0 it has no bound."""

SHADING = 0.15
"""How far towards the lamp, in sizes of the object, its distance is looked at to tell the slope of the surface.

The slope then has no jump at a crease, which would move over the pixels without leaving a gradient.
"""


class Rays(NamedTuple):
    """A bundle of rays from one point, in the object's frame and in units of its size."""

    origin: Float[Array, "3"]
    direction: Triple
    """Unit vectors."""
    spread: Float[Array, "*n"]
    """Distance between neighbouring rays at distance 1: how wide a pixel is."""
    start: Float[Array, "*n"]
    """Where the march begins: no part of the object is nearer."""

    def at(self, distance: Float[Array, "*n"]) -> Triple:
        """The points at `distance` along the rays."""
        x, y, z = (start + distance * step for start, step in zip(self.origin, self.direction, strict=True))
        return x, y, z


class Seen(NamedTuple):
    """What the rays see of the object."""

    coverage: Float[Array, "*n"]
    """How much of the pixel it covers, 0 to 1."""
    depth: Float[Array, "*n"]
    """Distance along the ray, in metres, to where it enters or, missing, comes nearest."""
    cosine: Float[Array, "*n"]
    """Between the lamp and the surface there."""


def bundle(
    origin: Float[Array, "3"],
    direction: Triple,
    spread: Float[Array, "*n"],
    middle: Float[Array, "3"],
    radius: Float[Array, ""],
) -> Rays:
    """Rays that start, in front of the camera, where they meet or pass the sphere about `middle`, two pixels wider."""
    towards = middle - origin
    along = sum(towards[axis] * direction[axis] for axis in range(3))
    reach = radius + 2 * spread * jnp.sqrt(jnp.sum(towards**2))
    half_chord = jnp.sqrt(jnp.maximum(reach**2 + along**2 - jnp.sum(towards**2), 0.0))
    return Rays(origin, direction, spread, jnp.maximum(along - half_chord, 0.01))


def look(distance: Distance, rays: Rays, size: Float[Array, ""], lamp: Float[Array, "3"], blur: float) -> Seen:
    """What `rays` see of the object whose surface is where `distance` is 0.

    Args:
        distance: the signed distance function of the object at size 1, in its own frame.
        rays: in that frame, in units of `size`.
        size: of the object, in metres.
        lamp: the unit vector towards the lamp, in that frame.
        blur: by how many pixels a ray may miss the object before its coverage has fallen from 1 to 0.
    """
    found, enters, bend = march(*jax.lax.stop_gradient((distance, rays)))
    # The point found stays where it is in the world, in metres, while the object moves and grows about it.
    found = jax.lax.stop_gradient(found * size) / size
    value, slope = jax.jvp(distance, (rays.at(found),), (rays.direction,))
    steepness = jnp.minimum(jax.lax.stop_gradient(slope), -GRAZING)
    depth = found - jnp.where(enters, value / steepness, (slope - jax.lax.stop_gradient(slope)) / bend)
    missed = jnp.clip(value / (blur * rays.spread * depth), 0.0, 1.0)
    coverage = jnp.where(enters, 1.0, 1 - missed**2 * (3 - 2 * missed))
    here = rays.at(depth)
    towards_lamp = distance(tuple(part + SHADING * step for part, step in zip(here, lamp, strict=True)))
    return Seen(coverage, depth * size, (towards_lamp - distance(here)) / SHADING)


def march(
    distance: Distance, rays: Rays, steps: int = STEPS
) -> tuple[Float[Array, "*n"], Bool[Array, "*n"], Float[Array, "*n"]]:
    """Where each ray enters the object or else comes nearest to it, whether it enters, and the bend of distance there.

    Near the surface a step is half a pixel, so that a ray passes the point where it comes nearest.
    """

    def pace(value, at):
        return jnp.maximum(value, 0.5 * rays.spread * at)

    def step(_, carry):
        at, before, here, lowest, nearest, entry = carry
        value = distance(rays.at(here))
        lower = value < lowest
        crossing = at + (here - at) * before / (before - value)
        return (
            here,
            value,
            here + pace(value, here),
            jnp.where(lower, value, lowest),
            jnp.where(lower, here, nearest),
            jnp.where((value <= 0) & (before > 0), jnp.minimum(entry, crossing), entry),
        )

    value = distance(rays.at(rays.start))
    carry = (rays.start, value, rays.start + pace(value, rays.start), value, rays.start, jnp.full_like(value, jnp.inf))
    _, _, _, lowest, nearest, entry = jax.lax.fori_loop(1, steps, step, carry)
    enters = jnp.isfinite(entry)
    pixel = rays.spread * nearest
    before, behind = distance(rays.at(nearest - pixel)), distance(rays.at(nearest + pixel))
    bend = jnp.maximum(before + behind - 2 * lowest, 0.01 * pixel) / pixel**2
    nearest -= jnp.clip((behind - before) / (2 * pixel * bend), -2 * pixel, 2 * pixel)
    dip = jnp.maximum(-distance(rays.at(nearest)), 0.0)  # below the surface between two steps
    entry = jnp.where(enters, entry, nearest - jnp.minimum(jnp.sqrt(2 * dip / bend), 2 * pixel))
    return entry, enters | (dip > 0), bend
