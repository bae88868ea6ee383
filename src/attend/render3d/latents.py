"""What `where` and `what` of a solid on a table are: a pose, and a kind with a colour or a size where these vary."""

import math
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions import Choice, Distribution, Gaussian, UniformAngle, WrappedNormal, positive
from attend.render3d.camera import Camera

SLACK = 0.1
"""How far the glimpse may move a guess, and how unsure of its place it may be, as shares of the table's width.

Where an object is drawn with the wrong kind or turn, it costs less beside the thing that it should explain, or anywhere
out of sight, than before it, and there nothing tells of the right kind. So it may be neither far from where the cell
looks nor just anywhere.
"""

OFFSET = 0.25
"""How far from the point that a cell looks at a first guess may be, as a share of the reach: of two places that it may
look at, to the middle between them."""


class Pose(eqx.Module):
    """A distribution over (x, y, yaw): a place on the table in metres, and a turn about the vertical in radians."""

    place: Gaussian
    yaw: Distribution

    def sample(self, key: PRNGKeyArray) -> Float[Array, "3"]:
        """A reparameterised draw."""
        place_key, yaw_key = jax.random.split(key)
        return jnp.append(self.place.sample(place_key), self.yaw.sample(yaw_key))

    @property
    def mode(self) -> Float[Array, "3"]:
        """The means."""
        return jnp.append(self.place.mode, self.yaw.mode)

    @property
    def spread(self) -> Float[Array, "3"]:
        """The standard deviations, in metres and radians."""
        return jnp.append(self.place.spread, self.yaw.spread)

    def log_prob(self, value: Float[Array, "3"]) -> Float[Array, ""]:
        """Log density; yaws a whole turn apart are the same."""
        return self.place.log_prob(value[:2]) + self.yaw.log_prob(value[2])

    def redrawn(self, value: Float[Array, "3"], prior: "Pose", key: PRNGKeyArray) -> Float[Array, "3"]:
        """`value` with another yaw."""
        return jnp.append(value[:2], prior.yaw.sample(key))

    def redrawn_log_prob(self, value: Float[Array, "3"]) -> Float[Array, ""]:
        """That of the yaw."""
        return self.yaw.log_prob(value[2])

    def held(self, value: Float[Array, "3"]) -> tuple["Pose", Float[Array, "3"]]:
        """The yaw without a gradient."""
        yaw, angle = jax.lax.stop_gradient((self.yaw, value[2]))
        return Pose(self.place, yaw), jnp.append(value[:2], angle)

    def kl(self, prior: "Pose") -> Float[Array, ""]:
        """KL(self || prior), for a prior whose yaw is uniform."""
        return self.place.kl(prior.place) + self.yaw.kl(prior.yaw)


@dataclass(frozen=True)
class Poses:
    """`where` of a solid on a table. A first guess of its place is refined, and its yaw told, from the glimpse.

    `width` is that of the square of the table, in metres, in which objects stand; `window_side` is the side in pixels
    of the part of an image of `size` (height, width) that an object can fill, and `middle` how high above the table
    the middle of one usually is, in metres.
    """

    camera: Camera
    size: tuple[int, int]
    width: float
    window_side: int
    middle: float = 0.0

    names = ("x_m", "y_m", "yaw_rad")
    numbers = 2
    details = 4
    apart = 2

    def prior(self) -> Pose:
        """Normal about the middle of the table, as wide as the uniform distribution over it; every yaw alike."""
        return Pose(Gaussian(jnp.zeros(2), jnp.full(2, self.width / 12**0.5)), UniformAngle())

    def at(self, point: Float[Array, "2"], reach: Float[Array, "2"], numbers: Float[Array, "2"]) -> Float[Array, "2"]:
        """The place on the table of an object whose middle is seen about `point`; above the horizon, one far out."""
        height, width = self.size
        column, row = (point + OFFSET * reach * jnp.tanh(numbers) + 1) / 2 * jnp.array([width, height]) - 0.5
        (x, y, z), _ = self.camera.rays(column, row, self.size, jnp.asarray(self.camera.axes))
        away = (self.camera.position[2] - self.middle) / jnp.maximum(-z, 0.05)
        return self._on_table(jnp.array(self.camera.position[:2]) + away * jnp.stack([x, y]))

    def anywhere(self, numbers: Float[Array, "2"]) -> Float[Array, "2"]:
        """A place on the table."""
        return self.width / 2 * numbers

    def posterior(self, parameters: Float[Array, "2"]) -> Pose:
        """A guess of the place, and none of the yaw."""
        return Pose(Gaussian(parameters, jnp.full(2, SLACK * self.width)), UniformAngle())

    def refined(self, guess: Pose, details: Float[Array, "6"]) -> Pose:
        """The guess moved, its standard deviations, and a vector that points along the yaw, the longer the surer.

        Near zero it shifts the yaw's density in proportion to itself. If its length were a number of its own, neither
        could be learned before the other: a direction says nothing where every yaw is alike. A long one is as sure as
        its length squared: a degree is a sixtieth of a radian.
        """
        move, raw_sd, direction = jnp.split(details, [2, 4])
        slack = SLACK * self.width
        sd = slack * (0.003 + 0.997 * jax.nn.sigmoid(raw_sd - math.log(2)))
        place = Gaussian(guess.place.mean + slack * jnp.tanh(move), sd)
        cosine, sine = direction
        square = cosine**2 + sine**2 + 1e-6
        turn_sd = jnp.sqrt(jnp.log1p(1 / (square + square**2)))
        return Pose(place, WrappedNormal(jnp.arctan2(sine, cosine + 1e-3), turn_sd))

    def window(self, where: Float[Array, "3"]) -> Float[Array, "3"]:
        """The window (scale, x, y) about the object's middle."""
        height, width = self.size
        middle = jnp.append(self._on_table(where[:2]), self.middle)
        column, row = self.camera.project(middle, self.size)
        scale = self.window_side / min(self.size)
        return jnp.stack([jnp.asarray(scale), (2 * column + 1) / width - 1, (2 * row + 1) / height - 1])

    def _on_table(self, place: Float[Array, "2"]) -> Float[Array, "2"]:
        """The nearest place in the square: an object must not find it cheaper to leave than to be somewhere wrong."""
        return jnp.clip(place, -self.width / 2, self.width / 2)


@dataclass(frozen=True)
class Solids:
    """`what` of a solid: its kind one-hot, then red, green and blue if they vary, then its size if that does."""

    kinds: tuple[str, ...]
    colour: bool = False
    sizes: tuple[float, float] = (1.0, 1.0)
    folds: tuple[int, ...] | None = None
    """Of each kind, how many turns in a full one leave it as it is; 0 for any turn. Only evaluation asks for them."""

    @property
    def names(self) -> tuple[str, ...]:
        """`is_mug`, ..., `red`, `green`, `blue`, `size_m`."""
        return (*(f"is_{kind}" for kind in self.kinds), *self._names)

    @property
    def numbers(self) -> int:
        """A logit for each kind, and a mean and a standard deviation for each other number."""
        return len(self.kinds) + 2 * len(self._names)

    def prior(self) -> Choice:
        """Every kind alike; colours about a middle grey, sizes about the middle of their range."""
        return Choice(jnp.zeros(len(self.kinds)), self._rest(jnp.zeros(len(self._names)), jnp.ones(len(self._names))))

    def posterior(self, numbers: Float[Array, " k"]) -> Choice:
        """q(what | glimpse)."""
        logits, mean, raw_sd = jnp.split(numbers, [len(self.kinds), len(self.kinds) + len(self._names)])
        return Choice(logits, self._rest(mean, positive(raw_sd, 0.3)))

    @property
    def _names(self) -> tuple[str, ...]:
        varies = self.sizes[0] < self.sizes[1]
        return ("red", "green", "blue") * self.colour + ("size_m",) * varies

    def _rest(self, mean: Float[Array, " m"], sd: Float[Array, " m"]) -> Gaussian | None:
        """The numbers besides the kind, from those in units of the prior."""
        if not self._names:
            return None
        low, high = self.sizes
        middle = jnp.array([(low + high) / 2 if name == "size_m" else 0.5 for name in self._names])
        unit = jnp.array([(high - low) / 12**0.5 if name == "size_m" else 0.3 for name in self._names])
        return Gaussian(middle + unit * mean, unit * sd)
