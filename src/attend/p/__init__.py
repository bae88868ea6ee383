"""p, the generative half: draw a count, draw each object's where and what, render, add pixel noise."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.distributions import Distribution
from attend.p.count import annealed_log_odds, geometric, refitted
from attend.p.decoder import PatchRenderer
from attend.p.likelihood import PixelGaussian
from attend.p.renderer import Renderer

__all__ = [
    "Generative",
    "PatchRenderer",
    "PixelGaussian",
    "Renderer",
    "annealed_log_odds",
    "geometric",
    "refitted",
]


class Generative(eqx.Module):
    """The joint p(x, z, n) of the paper's section 2: `count` is log p(n), the rest is per object or per image."""

    count: Float[Array, "n"]
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
