"""What is behind the objects: one colour, or uneven light and texture of which a few numbers tell an image's own."""

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.distributions import Gaussian
from attend.geometry import resampling_kernel
from attend.registry import Registry


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


backgrounds: Registry[Callable[..., Background | None]] = Registry("background")
"""Backgrounds by name: each a function or class `(config, size, *, key)`."""


@backgrounds.register("none")
def no_background(config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray) -> None:
    """Black, or what the renderer itself shows of an empty scene."""


@backgrounds.register("constant")
class ConstantBackground(eqx.Module):
    """One learned colour, the same in every image."""

    logits: Float[Array, " c"]
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(self, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray):
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


@backgrounds.register("learned")
class LearnedBackground(eqx.Module):
    """A mean and a few patterns that the code adds up (a factor analysis in logits of the pixels).

    They are too coarse to paint an object with: what they are made of is as large as an object usually is, times
    `background_scale`.
    """

    mean: Float[Array, "rows columns c"]
    patterns: Float[Array, "d rows columns c"]
    size: tuple[int, int, int] = eqx.field(static=True)

    def __init__(self, config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray):
        height, width, channels = size
        side = config.background_scale * config.scale * min(height, width)
        coarse = math.ceil(height / side), math.ceil(width / side), channels
        self.mean = jnp.zeros(coarse)
        self.patterns = 0.1 * jax.random.normal(key, (config.background_code, *coarse))
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
