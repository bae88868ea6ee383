"""What `where` and `what` are: their priors, and what the numbers that q's networks give mean.

A renderer brings one description of each, since it alone knows what its objects are. p takes its priors from them, and
a cell of q its posteriors, so that neither needs to know whether a place is a window in the image or a spot on a table.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from attend.distributions import Distribution, Gaussian, Window, positive
from attend.settings import NOT_NEGATIVE, POSITIVE, Settings


@runtime_checkable
class Where(Protocol):
    """How an object's place is described."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each number of a value is, with its unit where it has one: `scale`, `x_m`."""
        ...

    @property
    def numbers(self) -> int:
        """How many numbers a network gives to place an object."""
        ...

    @property
    def details(self) -> int:
        """How many more it gives once it has seen the glimpse; with 0 the glimpse is that of the draw."""
        ...

    @property
    def apart(self) -> int:
        """How many more a network of its own gives, that learns nothing but these."""
        ...

    def prior(self) -> Distribution:
        """p(where)."""
        ...

    def at(self, point: Float[Array, "2"], reach: Float[Array, "2"], numbers: Float[Array, " k"]) -> PyTree:
        """The parameters of `posterior` that `numbers` mean when they are said of a place in the image.

        `point` is that place and `reach` how far from it an object may be found, both (x, y) in image coordinates.
        They are such that a weighted mean of those of several places makes sense.
        """
        ...

    def anywhere(self, numbers: Float[Array, " k"]) -> PyTree:
        """The same when they are said of the image as a whole."""
        ...

    def posterior(self, parameters: PyTree) -> Distribution:
        """q(where | image), or where there are `details`, a first guess of it."""
        ...

    def refined(self, guess: Any, details: Float[Array, " d"]) -> Distribution:
        """q(where | image) given a guess and what was seen in the glimpse under its mode: `details`, then `apart`."""
        ...

    def window(self, where: Float[Array, " w"]) -> Float[Array, "3"]:
        """The window (scale, x, y) of the image in which an object is seen; see `attend.geometry`."""
        ...


@runtime_checkable
class What(Protocol):
    """How an object's appearance is described."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each number of a value is."""
        ...

    @property
    def numbers(self) -> int:
        """How many numbers a network gives for a posterior."""
        ...

    def prior(self) -> Distribution:
        """p(what)."""
        ...

    def posterior(self, numbers: Float[Array, " k"]) -> Distribution:
        """q(what | glimpse)."""
        ...


@dataclass(frozen=True)
class WindowSettings(Settings):
    """Of a renderer whose objects are in windows of the image."""

    scale: Annotated[float, POSITIVE] = 0.45
    """Prior median of an object's size, as a fraction of the image's shorter side."""
    scale_sd: Annotated[float, POSITIVE] = 0.2
    """Prior standard deviation of the logarithm of that size."""
    scale_reach: Annotated[float, NOT_NEGATIVE] = 0.0
    """Sizes that q proposes are within so many of these deviations; 0 for any size."""
    place_sd: Annotated[float, POSITIVE] = 0.6
    """Prior standard deviation of x and y, where the image reaches from -1 to 1."""


@dataclass(frozen=True)
class Windows:
    """A place is a square window (scale, x, y) of the image, as in the paper's 2D experiments.

    `scale` is the prior median, `scale_sd` the prior standard deviation of its logarithm, `place_sd` that of x and y.
    The means of posteriors are within `reach` standard deviations of the logarithm, if that is not 0: else one window
    may take in several objects, which costs little where many pixels gain.
    """

    scale: float
    scale_sd: float
    place_sd: float
    reach: float = 0.0

    names = ("scale", "x", "y")
    numbers = 6
    details = 0
    apart = 0

    @classmethod
    def of(cls, settings: WindowSettings) -> "Windows":
        """Those of a renderer's settings."""
        return cls(settings.scale, settings.scale_sd, settings.place_sd, settings.scale_reach)

    def prior(self) -> Window:
        """p(where)."""
        mean = jnp.array([math.log(self.scale), 0.0, 0.0])
        return Window(mean, jnp.array([self.scale_sd, self.place_sd, self.place_sd]))

    def at(
        self, point: Float[Array, "2"], reach: Float[Array, "2"], numbers: Float[Array, "6"]
    ) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
        """Log scale about the prior's, a place about `point`, and three standard deviations before `positive`."""
        log_scale, offset, raw_sd = jnp.split(numbers, [1, 3])
        return jnp.concatenate([self._log_scale(log_scale), point + reach * jnp.tanh(offset)]), raw_sd

    def anywhere(self, numbers: Float[Array, "6"]) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
        """Log scale about the prior's, a place, and three standard deviations before `positive`."""
        return numbers[:3].at[0].set(self._log_scale(numbers[0])), numbers[3:]

    def _log_scale(self, number: Float[Array, "..."]) -> Float[Array, "..."]:
        most = self.reach * self.scale_sd
        return math.log(self.scale) + (most * jnp.tanh(number / most) if most else number)

    def posterior(self, parameters: tuple[Float[Array, "3"], Float[Array, "3"]]) -> Window:
        """q(where | image)."""
        mean, raw_sd = parameters
        return Window(mean, positive(raw_sd, 0.1))

    def refined(self, guess: Window, details: Float[Array, "0"]) -> Window:
        """The guess: there are no details."""
        return guess

    def window(self, where: Float[Array, "3"]) -> Float[Array, "3"]:
        """A place is its window."""
        return where


@dataclass(frozen=True)
class Code:
    """An appearance is `size` numbers that a decoder understands, a standard normal under p.

    The first `colours` of them tell the colour alone, and the others nothing of it.
    """

    size: int
    colours: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """`what_0`, `what_1`, ...; where the colour is apart, `colour_0`, ..., `shape_0`, ..."""
        if not self.colours:
            return tuple(f"what_{i}" for i in range(self.size))
        shape = self.size - self.colours
        return (*(f"colour_{i}" for i in range(self.colours)), *(f"shape_{i}" for i in range(shape)))

    @property
    def numbers(self) -> int:
        """A mean and a standard deviation each."""
        return 2 * self.size

    def prior(self) -> Gaussian:
        """p(what)."""
        return Gaussian(jnp.zeros(self.size), jnp.ones(self.size))

    def posterior(self, numbers: Float[Array, " k"]) -> Gaussian:
        """q(what | glimpse)."""
        mean, raw_sd = jnp.split(numbers, 2)
        return Gaussian(mean, positive(raw_sd))
