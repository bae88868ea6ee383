"""The solids on the table, as signed distance functions in the object's own frame.

The frame: the object stands on z = 0, z up, its axis through the origin, its handle (if any) along +x. Lengths are in
metres, and a registered shape has size 1: its body fits a cube of side 1, handles reach beyond.

All shapes are one family, a *turned body with a handle*, and differ only in numbers. A scene's categories are then a
look-up of numbers and never a branch, which under `vmap` would cost as much as all the categories together. The body is
a profile of three straight pieces turned about the axis; it is the shell around that line, or the solid inside it. The
distances to a segment, to a box and to a link are those of Quilez, "Distance functions" and "2D distance functions"
(iquilezles.org); the family is ours.
"""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.registry import Registry
from attend.render3d.smooth import smooth

Coordinate = Float[Array, "*n"] | Float[np.ndarray, "*n"]
Points = Float[Array, "3 *n"] | Float[np.ndarray, "3 *n"] | tuple[Coordinate, Coordinate, Coordinate]
"""x, y and z of any number of points. Apart, they keep the compiler from taking them apart itself, which is slow."""

Number = float | Float[Array, ""] | Float[np.ndarray, ""]


class Handle(eqx.Module):
    """A rod along a U in the plane y = 0: from the body outwards, around a half ring, and back; all in metres.

    With `ring` 0 it is a straight stick.
    """

    start: Number
    """x of its ends."""
    reach: Number
    """Length of its straight part."""
    ring: Number
    """Radius of the half ring."""
    height: Number
    """z of its middle."""
    thickness: Number
    """Radius of the rod; far below 0 where there is no handle."""

    def __call__(self, points: Points) -> Float[Array, "*n"]:
        """Signed distance to the rod: exact."""
        x, y, z = points
        beyond = jnp.maximum(x - self.start - self.reach, 0.0)
        before = jnp.minimum(x - self.start, 0.0)
        across = root(beyond**2 + (z - self.height) ** 2) - self.ring
        return root(across**2 + before**2 + y**2) - self.thickness


NO_HANDLE = Handle(0.0, 0.0, 0.0, 0.0, -10.0)
"""Ten sizes beyond any surface, so that it is never the nearest."""


class Shape(eqx.Module):
    """A turned body with a handle: a signed distance function, in metres, negative inside.

    The distance never changes faster than the point moves, and never exceeds the true one, so a ray may step by it.
    """

    profile: Float[Array, "4 2"] | Float[np.ndarray, "4 2"]
    """Four points (radius, z) from the axis outwards and up; points that coincide are allowed."""
    thickness: Number
    """Radius by which the profile is thickened, which also rounds edges."""
    handle: Handle = NO_HANDLE
    solid: bool | Array | np.ndarray = False
    """Whether the inside is filled. The profile then is (0, z0), (r1, z0), (r2, z1), (0, z1)."""
    core: Number = 0.0
    """Half the side of the square that the cross-section is built around: 0 gives a circle. At a distance beyond it of
    `radius - core` lies the profile, so the corners of the cross-section are rounded by that much."""
    tone: Number = 1.0
    """Brightness of the half where x < 0, as a multiple of the other's; 1 where both are alike."""

    def __call__(self, points: Points) -> Float[Array, "*n"]:
        """Signed distance from each point to the surface."""
        return jnp.minimum(self._body(points), self.handle(points))

    def tone_at(self, points: Points, width: float | Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Brightness of points of the surface, 0 to 1; from half to half it changes over `width` to each side."""
        return 1 + jnp.asarray(self.tone - 1) * smooth(0.5 - jnp.asarray(points[0]) / (2 * width))

    def _body(self, points: Points) -> Float[Array, "*n"]:
        x, y, z = map(jnp.asarray, points)
        x, y = jnp.abs(x) - self.core, jnp.abs(y) - self.core
        outside = root(jnp.maximum(x, 0.0) ** 2 + jnp.maximum(y, 0.0) ** 2)
        radius = jnp.asarray(self.core) + outside + jnp.minimum(jnp.maximum(x, y), 0.0)
        distance = root(
            jnp.minimum(
                jnp.minimum(self._squared_distance(0, radius, z), self._squared_distance(1, radius, z)),
                self._squared_distance(2, radius, z),
            )
        )
        (_, bottom), lower, upper, (_, top) = self.profile
        wall = upper - lower
        within = (z > bottom) & (z < top) & (wall[0] * (z - lower[1]) > wall[1] * (radius - lower[0]))
        return jnp.where(within & self.solid, -distance, distance) - self.thickness

    def _squared_distance(self, piece: int, radius: Float[Array, "*n"], z: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Squared distance from (radius, z) to one straight piece of the profile."""
        start, along = self.profile[piece], self.profile[piece + 1] - self.profile[piece]
        share = along / jnp.maximum(along[0] ** 2 + along[1] ** 2, 1e-12)  # 0 for a piece of no length
        radius, z = radius - start[0], z - start[1]
        part = jnp.clip(radius * share[0] + z * share[1], 0.0, 1.0)
        return (radius - part * along[0]) ** 2 + (z - part * along[1]) ** 2

    @property
    def fold(self) -> int:
        """By which fraction of a full turn about the axis the shape is carried into itself; 0 where by any angle.

        Two poses whose yaws differ by a multiple of 2 pi / fold are the same pose.
        """
        if self.handle.thickness > 0 or self.tone != 1:
            return 1
        return 4 if self.core > 0 else 0

    @property
    def bounds(self) -> tuple[float, float, float]:
        """A sphere that holds the shape: x and z of its middle (y is 0) and its radius."""
        x, z, reach = self._spheres
        middle_x = ((x + reach).max() + (x - reach).min()) / 2
        middle_z = ((z + reach).max() + (z - reach).min()) / 2
        return middle_x, middle_z, (np.hypot(x - middle_x, z - middle_z) + reach).max()

    @property
    def rings(self) -> Float[np.ndarray, "n 2"]:
        """Radius and z of rings about the upright line through the middle of `bounds`: they hold the shape at any yaw.

        That is, it lies within their convex hull.
        """
        x, z, reach = self._spheres
        turn = np.pi / 8 * np.array([-3, -1, 1, 3])[:, None]
        corner = reach / np.cos(np.pi / 8)  # of an octagon about each sphere
        radii, heights = np.abs(x - self.bounds[0]) + corner * np.cos(turn), z + corner * np.sin(turn)
        rings = np.stack([radii.ravel(), heights.ravel()], axis=1)
        turn = np.linspace(-np.pi / 2, np.pi / 2, 65)
        return rings[np.unique(np.argmax(rings @ [np.cos(turn), np.sin(turn)], axis=0))]  # the outermost ones

    @property
    def _spheres(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """x, z and radius of spheres (y is 0) within whose hull lies what of the shape is farthest from the axis."""
        radii, heights = np.asarray(self.profile).T
        corner = radii + (math.sqrt(2) - 1) * np.minimum(self.core, radii)
        points = [(-corner, 0.0, heights, self.thickness), (corner, 0.0, heights, self.thickness)]
        if self.handle.thickness > 0:
            turn = np.linspace(0, math.pi, 33)
            x = self.handle.start + np.append(0.0, self.handle.reach + self.handle.ring * np.sin(turn))
            z = self.handle.height + np.append(self.handle.ring, self.handle.ring * np.cos(turn))
            points.append((x, 0.0, z, self.handle.thickness))
        x = np.concatenate([p[0] for p in points])
        z = np.concatenate([p[2] for p in points])
        return x, z, np.concatenate([np.broadcast_to(p[3], p[0].shape) for p in points])


def root(square: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Square root whose gradient is 0 instead of not-a-number at 0."""
    return jnp.sqrt(jnp.maximum(square, 1e-12))


shapes: Registry[Shape] = Registry("shape")
"""Shapes by name, each of size 1."""


def _profile(*points: tuple[float, float]) -> np.ndarray:
    """The profile through `points`, the last one repeated up to four."""
    return np.array([*points, *[points[-1]] * (4 - len(points))], np.float32)


def _upright(radius: float, height: float, rounding: float) -> np.ndarray:
    """The profile of a solid that, thickened by `rounding`, has this radius and this height."""
    side, top = radius - rounding, height - rounding
    return _profile((0.0, rounding), (side, rounding), (side, top), (0.0, top))


shapes.register("cube")(Shape(_upright(0.4, 0.8, 0.0225), 0.0225, solid=True, core=0.3775))
shapes.register("sphere")(Shape(_profile((0.0, 0.4)), 0.4))
shapes.register("cylinder")(Shape(_upright(0.35, 0.8, 0.02), 0.02, solid=True))
shapes.register("two-tone-cylinder")(Shape(_upright(0.35, 0.8, 0.02), 0.02, solid=True, tone=0.4))
shapes.register("cone")(Shape(_profile((0.0, 0.06), (0.36, 0.06), (0.0, 0.84)), 0.06, solid=True))
shapes.register("torus")(Shape(_profile((0.33, 0.13)), 0.13))
shapes.register("mug")(
    Shape(_profile((0.0, 0.05), (0.31, 0.05), (0.31, 0.75)), 0.05, Handle(0.33, 0.06, 0.17, 0.4, 0.05))
)
shapes.register("plate")(Shape(_profile((0.0, 0.045), (0.28, 0.045), (0.455, 0.12)), 0.045))
shapes.register("pan")(
    Shape(_profile((0.0, 0.045), (0.34, 0.045), (0.39, 0.17)), 0.045, Handle(0.41, 0.42, 0.0, 0.17, 0.045))
)
shapes.register("bowl")(Shape(_profile((0.0, 0.05), (0.17, 0.05), (0.36, 0.2), (0.43, 0.42)), 0.05))
