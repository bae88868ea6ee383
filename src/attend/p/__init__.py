"""p, the generative half: draw a count, draw each object's where and what, render, add pixel noise."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.config import ModelConfig
from attend.distributions import Distribution
from attend.p.count import annealed_log_odds, geometric, refitted
from attend.p.decoder import PatchRenderer
from attend.p.latents import Code, What, Where, Windows
from attend.p.likelihood import PixelGaussian
from attend.p.renderer import Renderer, renderers
from attend.p.solids import TableRenderer

__all__ = [
    "Code",
    "Generative",
    "PatchRenderer",
    "PixelGaussian",
    "Renderer",
    "TableRenderer",
    "What",
    "Where",
    "Windows",
    "annealed_log_odds",
    "generative",
    "geometric",
    "refitted",
    "renderers",
]


class Generative(eqx.Module):
    """The joint p(x, z, n) of the paper's section 2: `count` is log p(n), the rest is per object or per image."""

    count: Float[Array, " n"]
    where: Distribution
    what: Distribution
    renderer: Renderer[Any]
    likelihood: PixelGaussian

    @property
    def max_objects(self) -> int:
        """N, the largest count."""
        return self.count.shape[0] - 1

    def sample(self, key: PRNGKeyArray) -> tuple[Float[Array, "h w c"], Int[Array, ""]]:
        """A canvas (no pixel noise) and its count, drawn from p."""
        count_key, *keys = jax.random.split(key, 1 + self.max_objects)
        count = jax.random.categorical(count_key, self.count)
        state, canvases = self.renderer.empty(), [self.renderer.canvas(self.renderer.empty())]
        for k in keys:
            where_key, what_key = jax.random.split(k)
            state = self.renderer.add(state, self.where.sample(where_key), self.what.sample(what_key))
            canvases.append(self.renderer.canvas(state))
        return jnp.stack(canvases)[count], count


def generative(config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray) -> Generative:
    """p with fresh parameters, for images of `size` (height, width, channels); every count is equally likely."""
    renderer = renderers[config.renderer](config, size, key=key)
    return Generative(
        count=geometric(0.0, config.max_objects),
        where=renderer.where.prior(),
        what=renderer.what.prior(),
        renderer=renderer,
        likelihood=PixelGaussian(config.pixel_sd),
    )
