"""What is behind the objects: one colour, or uneven light and texture of which a few numbers tell an image's own."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import CHOICES, ModelConfig
from attend.distributions import Gaussian
from attend.errors import AttendError
from attend.geometry import resampling_kernel
from attend.p.latents import WindowSettings
from attend.settings import NOT_NEGATIVE, POSITIVE, Choices, Settings


@runtime_checkable
class Background(Protocol):
    """Paints the canvas before any object is there, from a code of the image's own."""

    @property
    def code_size(self) -> int:
        """How many numbers the code has; 0 when all images share one background."""
        ...

    def prior(self) -> Gaussian:
        """p(code)."""
        ...

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, "h w c"]:
        """The canvas, in [0, 1]."""
        ...


backgrounds: Choices[Background | None] = CHOICES["background"]
"""Backgrounds by name: each a function or class `(settings, config, size, *, key)`."""


@backgrounds.register("none")
def no_background(settings: Settings, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray) -> None:
    """Black, or what the renderer itself shows of an empty scene."""


@backgrounds.register("constant")
class ConstantBackground(eqx.Module):
    """One learned colour, the same in every image."""

    logits: Float[Array, " c"]
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(self, settings: Settings, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray):
        self.logits = jnp.zeros(size[2])
        self.size = size

    @property
    def code_size(self) -> int:
        """0."""
        return 0

    def prior(self) -> Gaussian:
        """Of no numbers."""
        return Gaussian(jnp.zeros(0), jnp.ones(0))

    def __call__(self, code: Float[Array, "0"]) -> Float[Array, "h w c"]:
        """The colour everywhere."""
        return jnp.broadcast_to(jax.nn.sigmoid(self.logits), self.size)


@dataclass(frozen=True)
class LearnedSettings(Settings):
    """A mean and patterns, of which an image's own code tells how much of each."""

    code: Annotated[int, POSITIVE] = 8
    """Numbers that tell an image's own background."""
    coarseness: Annotated[float, POSITIVE] = 1.0
    """Size of what the background is made of, in usual sizes of an object: smaller only where none could pass for a
    part of it, as thin strokes before a landscape."""
    corrections: Annotated[int, NOT_NEGATIVE] = 0
    """Times that q corrects its guess of the code by what it leaves unexplained: for long codes."""
    corrections_from: Annotated[int, NOT_NEGATIVE] = 0
    """Step of training from which corrections are learned. If they are there before objects have been found, the
    background may take their place."""
    corrections_anneal_steps: Annotated[int, POSITIVE] = 1000
    """Steps from none of them to all."""

    def check_training(self, where: str, train: Any) -> None:
        """The corrections must be whole when training ends."""
        last = train.steps - self.corrections_anneal_steps
        if self.corrections and self.corrections_from > last:
            raise AttendError(
                f"{where}.corrections_from: is {self.corrections_from}; it must be at most train.steps less "
                f"{where}.corrections_anneal_steps, {last}, so that corrections are whole at the end"
            )


@backgrounds.register("learned", LearnedSettings)
class LearnedBackground(eqx.Module):
    """A mean and a few patterns that the code adds up (a factor analysis in logits of the pixels).

    They are too coarse to paint an object with: what they are made of is as large as an object usually is, times
    `coarseness`.
    """

    mean: Float[Array, "rows columns c"]
    patterns: Float[Array, "d rows columns c"]
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(
        self, settings: LearnedSettings, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray
    ):
        if not isinstance(config.renderer, WindowSettings):
            raise AttendError(
                f"model.background: is {settings.name!r}, as coarse as an object is large; the renderer "
                f"{config.renderer.name!r} has no setting scale that tells how large"
            )
        height, width, channels = size
        side = settings.coarseness * config.renderer.scale * min(height, width)
        coarse = math.ceil(height / side), math.ceil(width / side), channels
        self.mean = jnp.zeros(coarse)
        self.patterns = 0.1 * jax.random.normal(key, (settings.code, *coarse))
        self.size = size

    @property
    def code_size(self) -> int:
        """How many patterns there are."""
        return len(self.patterns)

    def prior(self) -> Gaussian:
        """A standard normal."""
        return Gaussian(jnp.zeros(self.code_size), jnp.ones(self.code_size))

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, "h w c"]:
        """The mean and the patterns, as many of each as the code says."""
        coarse = self.mean + jnp.tensordot(code, self.patterns, axes=1)
        rows, columns = (smooth(inputs, outputs) for inputs, outputs in zip(coarse.shape, self.size[:2], strict=False))
        return jax.nn.sigmoid(jnp.einsum("hi,ijc,wj->hwc", rows, coarse, columns))


def smooth(inputs: int, outputs: int) -> Float[Array, "o i"]:
    """Weights that stretch a line of `inputs` numbers over `outputs` pixels, bilinearly, or shrink it by averaging."""
    kernel = resampling_kernel(inputs, outputs, jnp.array((inputs - 1) / 2), jnp.array(inputs / outputs))
    return kernel / jnp.sum(kernel, axis=1, keepdims=True)  # at the edges the nearest counts for what lies beyond
