"""p, the generative half: draw a count, draw each object's where and what, render, add pixel noise."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.config import ModelConfig
from attend.distributions import Distribution
from attend.errors import AttendError
from attend.p.alpha import AlphaRenderer
from attend.p.annealing import annealed_log_odds, risen
from attend.p.background import Background, LearnedSettings, backgrounds, smooth
from attend.p.count import geometric, refitted
from attend.p.decoder import PatchRenderer
from attend.p.flat import FlatRenderer
from attend.p.latents import Code, What, Where, Windows, WindowSettings
from attend.p.likelihood import GaussianSettings, Likelihood, PixelGaussian, likelihoods
from attend.p.patches import PatchSettings
from attend.p.renderer import Renderer, canvas_with, cover, footprint, renderers
from attend.p.solids import TableRenderer
from attend.p.student import PixelStudent, StudentSettings

__all__ = [
    "AlphaRenderer",
    "Background",
    "Code",
    "FlatRenderer",
    "GaussianSettings",
    "Generative",
    "LearnedSettings",
    "Likelihood",
    "PatchRenderer",
    "PatchSettings",
    "PixelGaussian",
    "PixelStudent",
    "Renderer",
    "StudentSettings",
    "TableRenderer",
    "What",
    "Where",
    "WindowSettings",
    "Windows",
    "annealed_log_odds",
    "backgrounds",
    "canvas_with",
    "cover",
    "footprint",
    "generative",
    "geometric",
    "likelihoods",
    "refitted",
    "renderers",
    "risen",
    "smooth",
]


class Generative(eqx.Module):
    """The joint p(x, z, n) of the paper's section 2: `count` is log p(n), the rest is per object or per image."""

    count: Float[Array, " n"]
    where: Distribution
    what: Distribution
    renderer: Renderer[Any]
    likelihood: Likelihood
    background: Background | None = None

    @property
    def max_objects(self) -> int:
        """N, the largest count."""
        return self.count.shape[0] - 1

    def sample(self, key: PRNGKeyArray) -> tuple[Float[Array, "h w c"], Int[Array, ""]]:
        """A canvas (no pixel noise) and its count, drawn from p."""
        count_key, *keys = jax.random.split(key, 1 + self.max_objects)
        count = jax.random.categorical(count_key, self.count)
        code = None if self.background is None else self.background.prior().sample(jax.random.fold_in(key, 0))
        state = self.empty(code)
        canvases = [self.renderer.canvas(state)]
        for k in keys:
            where_key, what_key = jax.random.split(k)
            layer = self.renderer.layer(self.where.sample(where_key), self.what.sample(what_key))
            state = self.renderer.add(state, layer)
            canvases.append(self.renderer.canvas(state))
        return jnp.stack(canvases)[count], count

    def empty(self, code: Float[Array, " d"] | None) -> Any:
        """The renderer's state of a scene with no object, before the background that has this code, if there is one."""
        if self.background is None or code is None:
            return self.renderer.empty()
        return self.before(self.background(code))

    def seen(self, image: Float[Array, "h w c"]) -> Float[Array, "h w c"]:
        """What q sees of an image or a canvas: as the noise is white. It teaches p nothing."""
        return jax.lax.stop_gradient(self.likelihood).whitened(image)

    def before(self, backdrop: Float[Array, "h w c"]) -> Any:
        """The renderer's state of a scene with no object, before this background."""
        return self.renderer.over(backdrop)  # pyright: ignore[reportAttributeAccessIssue]


def generative(config: ModelConfig, size: tuple[int, int, int], *, key: PRNGKeyArray) -> Generative:
    """p with fresh parameters, for images of `size` (height, width, channels); every count is equally likely."""
    renderer = renderers.make(config.renderer, config, size, key=key)
    name = config.background.name
    if name != "none" and not hasattr(renderer, "over"):
        raise AttendError(f"background: is {name!r}; renderer {config.renderer.name!r} shows none but its own")
    background = backgrounds.make(config.background, config, size, key=jax.random.fold_in(key, 0))
    return Generative(
        count=geometric(0.0, config.max_objects),
        where=renderer.where.prior(),
        what=renderer.what.prior(),
        renderer=renderer,
        likelihood=likelihoods.make(config.likelihood, config, size),
        background=background,
    )
