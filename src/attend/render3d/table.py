"""Objects on a table: a fully specified renderer (paper, section 3.3), differentiable through every pixel."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from attend.errors import AttendError
from attend.render3d.camera import Camera
from attend.render3d.latents import Poses, Solids
from attend.render3d.layers import Layer, Layers, add, compose, no_layers
from attend.render3d.light import Light
from attend.render3d.region import Region, directions
from attend.render3d.shapes import Shape, shapes
from attend.render3d.trace import bundle, look

Colour = tuple[float, float, float]


class Object(eqx.Module):
    """What `what` says: one object's category, colour and size."""

    category: Float[Array, " k"]
    """Weights of the categories."""
    colour: Float[Array, "3"]
    """Red, green and blue, 0 to 1."""
    size: Float[Array, ""]
    """How many times as large as the registered shape, in metres."""


class TableRenderer(eqx.Module):
    """Draws solids that stand on a table. It has no parameters: all that there is to learn is where and what they are.

    `where` is (x, y, yaw): the place on the table in metres, and the turn about the vertical in radians. `what` is
    the weights of the `kinds`, then (red, green, blue) in 0..1 if `colours` is None, then the size in metres if `sizes`
    is a range. Colours and sizes beyond their range count as its nearer end.

    Drawing a scene costs one look at each object: see `layers`. What it costs to look depends on how much of the image
    an object can fill, not on how many kinds there are: see `region` and `shapes`.

    A gradient flows through colour, shading and every outline, also of an object before itself or another. In the
    tests' scenes of 48x48 pixels, of each kind beside a cube, the gradient of a squared error adds up along 4 cm in x
    or y, or 4 cm of size, to the error's change within 10 %, and along 0.4 radians of yaw within 12 %. At a single
    place it may be further off, as a pixel jumps where two approaches of a ray become one. None flows through the
    category, whose heaviest weight alone is drawn: a sum over categories draws one layer with one-hot weights for each.
    """

    size: tuple[int, int, int] = eqx.field(static=True)
    """Height, width and the 3 channels of the image."""
    max_objects: int = eqx.field(static=True, default=3)
    """How many objects a scene holds at most; beyond that the first is lost."""
    kinds: tuple[str, ...] = eqx.field(static=True, default=("mug", "plate", "pan"))
    """The categories: names in `shapes`."""
    sizes: tuple[float, float] = eqx.field(static=True, default=(0.2, 0.2))
    """The smallest and the largest size, in metres."""
    colours: tuple[Colour, ...] | None = eqx.field(static=True, default=None)
    """One colour for each kind, or None if `what` tells it."""
    camera: Camera = eqx.field(static=True, default=Camera())
    light: Light = eqx.field(static=True, default=Light())
    table: Colour = eqx.field(static=True, default=(0.55, 0.5, 0.45))
    """Colour of the table, which reaches to the horizon."""
    backdrop: Colour = eqx.field(static=True, default=(0.1, 0.1, 0.12))
    """Colour of what lies above the horizon, which no light shades."""
    width: float = eqx.field(static=True, default=0.8)
    """Width in metres of the square about the table's middle in which objects are expected to stand."""
    blur: float = eqx.field(static=True, default=1.0)
    """Width in pixels of the halo around an object in which its coverage falls from 1 to 0."""
    softness: float = eqx.field(static=True, default=0.03)
    """Difference in depth, in metres, from which on a nearer object hides all of a farther one."""
    window: int = eqx.field(static=True, init=False)
    """Side in pixels of a square that holds, about its middle, any object whose middle is in view."""
    region: Region = eqx.field(static=True, init=False)
    """What is looked at of the image for one object: as far from its middle as any such object reaches."""

    def __post_init__(self):
        """Refuse what cannot be drawn; choose the window."""
        self._check()
        with jax.ensure_compile_time_eval():
            self.window, self.region = self._widest()

    def _check(self) -> None:
        height, width, channels = self.size
        if not (height > 0 and width > 0 and channels == 3):
            raise AttendError(f"size: {self.size}; it must be (height, width, 3)")
        if self.max_objects < 1:
            raise AttendError(f"max_objects: {self.max_objects}; it must be at least 1")
        if not self.kinds:
            raise AttendError(f"kinds: {self.kinds}; there must be at least one")
        for kind in self.kinds:
            shapes[kind]
        smallest, largest = self.sizes
        if not 0 < smallest <= largest < math.inf:
            raise AttendError(f"sizes: {self.sizes}; they must be (smallest, largest) in metres, above 0")
        if self.colours is not None and len(self.colours) != len(self.kinds):
            raise AttendError(f"colours: {len(self.colours)} of them; there must be one for each of {self.kinds}")
        for field in ("table", "backdrop"):
            _check_colour(field, getattr(self, field))
        for colour in self.colours or ():
            _check_colour("colours", colour)
        for field in ("width", "blur", "softness"):
            if not 0 < getattr(self, field) < math.inf:
                raise AttendError(f"{field}: {getattr(self, field)}; it must be above 0")

    @property
    def where(self) -> Poses:
        """Poses on the table."""
        middles = [shapes[kind].bounds[1] for kind in self.kinds]
        middle = float(np.mean(middles) * np.mean(self.sizes))
        return Poses(self.camera, self.size[:2], self.width, self.window, middle)

    @property
    def what(self) -> Solids:
        """Kinds of solid, with their colour and size if these vary."""
        return Solids(self.kinds, self.colours is None, self.sizes, tuple(shapes[kind].fold for kind in self.kinds))

    @property
    def what_size(self) -> int:
        """How many numbers `what` has."""
        return len(self.what.names)

    def read(self, what: Float[Array, " d"]) -> Object:
        """The parts of `what`, with what all scenes have in common filled in."""
        if what.shape != (self.what_size,):
            raise AttendError(f"what: {what.shape[0]} numbers; this renderer takes {self.what_size}")
        category, rest = what[: len(self.kinds)], what[len(self.kinds) :]
        if self.colours is None:
            colour, rest = rest[:3], rest[3:]
        else:
            colour = jnp.asarray(self.colours)[jnp.argmax(category)]
        size = rest[0] if self.sizes[0] < self.sizes[1] else jnp.asarray(self.sizes[0])
        return Object(category, jnp.clip(colour, 0.0, 1.0), jnp.clip(size, *self.sizes))

    def empty(self) -> Layers:
        """No object."""
        return no_layers(self.max_objects, self.size[:2])

    def add(self, state: Layers, layer: Layer) -> Layers:
        """The layers with one more object."""
        return add(state, layer, self.softness)

    def canvas(self, state: Layers) -> Float[Array, "h w 3"]:
        """The objects before the table."""
        return compose(state, jnp.asarray(self.background()))

    def layer(self, where: Float[Array, "3"], what: Float[Array, " d"]) -> Layer:
        """One object alone. Its tight pixel box is `attend.geometry.footprint_box` of its coverage."""
        thing = self.read(what)
        shape, middle, radius = self._chosen(jnp.argmax(thing.category))
        x, y, yaw = where
        cosine, sine = jnp.cos(yaw), jnp.sin(yaw)
        into = jnp.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])  # the object's frame
        place = jnp.stack([x, y, jnp.zeros_like(x)])
        first = self.region.first(self.camera.project(place + thing.size * middle @ into, self.size[:2]))
        down, across = self.region.pixels
        direction, spread = self.camera.rays(
            (first[1] + across).astype(float),
            (first[0] + down).astype(float),
            self.size[:2],
            jnp.asarray(self.camera.axes) @ into.T,
        )
        origin = into @ (jnp.asarray(self.camera.position) - place) / thing.size
        rays = bundle(origin, direction, self.blur * spread, middle, radius)
        seen = look(shape, rays, thing.size, into @ jnp.asarray(self.light.towards), self.light.shade)
        coverage, depth, shade = self.region.put(tuple(seen), first)
        return Layer(coverage, depth, shade, thing.colour)

    def mask(self, state: Layers) -> Float[Array, "h w"]:
        """How much of each pixel the objects cover."""
        return 1 - math.prod((1 - layer.coverage for layer in state.layers), start=jnp.ones(()))

    def background(self) -> np.ndarray:
        """The image (h, w, 3) of the table with nothing on it."""
        height, width, _ = self.size
        row, column = np.mgrid[:height, :width]
        right, up, forward = self.camera.axes
        focal = self.camera.focal_length((height, width))
        down = forward[2] + ((column - (width - 1) / 2) * right[2] - (row - (height - 1) / 2) * up[2]) / focal < 0
        ambient, lamp = self.light.ambient, max(self.light.towards[2], 0.0)
        table = np.multiply(self.table, ambient + (1 - ambient) * lamp)
        return np.where(down[..., None], table, self.backdrop).astype(np.float32)

    def _chosen(self, category: Array) -> tuple[Shape, Float[Array, "3"], Float[Array, ""]]:
        """The shape of a category, and the middle and radius of a sphere that holds it, at size 1."""
        entries = [shapes[kind] for kind in self.kinds]
        shape = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves))[category], *entries)
        x, z, radius = jnp.asarray([entry.bounds for entry in entries])[category]
        return shape, jnp.stack([x, jnp.zeros_like(x), z]), radius

    def _widest(self) -> tuple[int, Region]:
        """`window` and `region`: what the largest object needs at any place of the table that is in view."""
        height, width, _ = self.size
        edge = np.stack(np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 9)), -1).reshape(-1, 2)
        places = np.asarray(self.camera.onto_table(jnp.asarray(edge), (height, width)))
        places = places[np.isfinite(places).all(1)]
        if not len(places):
            raise AttendError(f"camera: {self.camera} does not see the table")
        offsets = np.concatenate([self._offsets(kind, places) for kind in self.kinds])
        side = 8 * math.ceil(min(2 * np.abs(offsets).max() + 6, max(height, width)) / 8)
        outwards = directions(32)
        rounded = np.abs(outwards).sum(1) / 2  # as far as the middle is off, for its place is a whole pixel
        reach = (offsets @ outwards.T).max(0) + self.blur + rounded
        return side, Region(tuple(reach.tolist()), (height, width))

    def _offsets(self, kind: str, places: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "m 2"]:
        """Where points that hold the largest object of a kind are seen, from where its middle is, at each place."""
        shape, size = shapes[kind], self.sizes[1]
        circle = directions(24) / math.cos(math.pi / 24)  # a polygon about the round one
        rings = np.concatenate([np.append(radius * circle, np.full((24, 1), z), 1) for radius, z in shape.rings])
        points = np.append(rings, [[0.0, 0.0, shape.bounds[1]]], 0) * size
        at = np.append(places, np.zeros((len(places), 1)), 1)[:, None] + points
        seen = np.asarray(self.camera.project(jnp.asarray(at), self.size[:2]))
        return (seen[:, :-1] - seen[:, -1:]).reshape(-1, 2)


def _check_colour(field: str, colour: Colour) -> None:
    if not (len(colour) == 3 and all(0 <= value <= 1 for value in colour)):
        raise AttendError(f"{field}: {colour}; a colour must be (red, green, blue), each between 0 and 1")
