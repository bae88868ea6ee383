"""A pinhole camera over the table.

The world is right-handed, in metres, with z up and the table at z = 0. A yaw turns counter-clockwise as seen from
above, in radians, 0 along +x. Pixels are (column, row), 0 being the middle of the first one, columns to the right and
rows down, as in `attend.geometry`.
"""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.errors import AttendError

Point = tuple[float, float, float]


class Camera(eqx.Module):
    """Where the camera stands, where it looks, and how wide. It is a constant of the renderer, not a parameter of p."""

    position: Point = eqx.field(static=True, default=(0.0, -1.1, 1.0))
    """The pinhole, in metres; above the table."""
    target: Point = eqx.field(static=True, default=(0.0, 0.0, 0.0))
    """The point in the middle of the image, in metres."""
    field_of_view: float = eqx.field(static=True, default=0.7)
    """From the lower to the upper edge of the image, in radians."""

    def __check_init__(self):
        """Refuse what is no view of the table."""
        if not (all(map(math.isfinite, self.position)) and self.position[2] > 0):
            raise AttendError(f"camera.position: {self.position}; it must be finite, with z above the table (z > 0)")
        if not (all(map(math.isfinite, self.target)) and math.dist(self.position, self.target) > 0):
            raise AttendError(f"camera.target: {self.target}; it must be finite and not the camera's own position")
        if not 0 < self.field_of_view < math.pi:
            raise AttendError(f"camera.field_of_view: {self.field_of_view}; it must be radians between 0 and pi")

    @property
    def axes(self) -> np.ndarray:
        """Unit vectors to the image's right, up, and into the scene: the rows of a (3, 3) array.

        A camera that looks straight down has +y of the table up in its image.
        """
        forward = np.subtract(self.target, self.position)
        forward = forward / np.linalg.norm(forward)
        sideways = np.cross(forward, (0.0, 0.0, 1.0))
        if np.linalg.norm(sideways) < 1e-6:
            sideways = np.cross(forward, (0.0, 1.0, 0.0))
        right = sideways / np.linalg.norm(sideways)
        return np.stack([right, np.cross(right, forward), forward])

    def focal_length(self, size: tuple[int, int]) -> float:
        """Distance from pinhole to image in pixels, for an image of `size` (height, width)."""
        return size[0] / 2 / math.tan(self.field_of_view / 2)

    def rays(
        self, column: Float[Array, "*n"], row: Float[Array, "*n"], size: tuple[int, int], axes: Float[Array, "3 3"]
    ) -> tuple[tuple[Float[Array, "*n"], Float[Array, "*n"], Float[Array, "*n"]], Float[Array, "*n"]]:
        """Unit vectors (x, y, z) from the pinhole through pixels, and how far apart neighbours are at distance 1.

        Args:
            column: of the pixels, any shape.
            row: likewise.
            size: height and width of the image.
            axes: the camera's axes in the frame that the rays are wanted in, as `axes` gives them for the world.
        """
        focal = self.focal_length(size)
        across, down = (column - (size[1] - 1) / 2) / focal, (row - (size[0] - 1) / 2) / focal
        shrink = 1 / jnp.sqrt(1 + across**2 + down**2)
        right, up, forward = axes
        x, y, z = ((across * right[i] - down * up[i] + forward[i]) * shrink for i in range(3))
        return (x, y, z), shrink / focal

    def project(self, points: Float[Array, "*n 3"], size: tuple[int, int]) -> Float[Array, "*n 2"]:
        """The pixels (column, row) at which `points` are seen; they must lie in front of the camera."""
        seen = (points - jnp.array(self.position)) @ jnp.asarray(self.axes.T)
        across, up, depth = seen[..., 0], seen[..., 1], seen[..., 2]
        focal = self.focal_length(size)
        return jnp.stack([(size[1] - 1) / 2 + focal * across / depth, (size[0] - 1) / 2 - focal * up / depth], -1)

    def onto_table(self, pixels: Float[Array, "*n 2"], size: tuple[int, int]) -> Float[Array, "*n 2"]:
        """The points (x, y) of the table that are seen at `pixels` (column, row), in metres; nan above the horizon."""
        (x, y, z), _ = self.rays(pixels[..., 0], pixels[..., 1], size, jnp.asarray(self.axes))
        distance = jnp.where(z < 0, -self.position[2] / jnp.where(z < 0, z, -1.0), jnp.nan)
        return jnp.stack([self.position[0] + distance * x, self.position[1] + distance * y], -1)
