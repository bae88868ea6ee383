"""The default cell: no memory, it glances at what is still unexplained and commits to one place.

A network of convolutions looks at image minus canvas and scores every cell of a coarse grid; attention over the cells
chooses one, whose own offset then places the window. Every step does the same work on the same kind of input, so all
steps share one skill, and a step cannot settle on a part of the image of its own. A draw breaks ties between two
objects, so the window lands on one of them and not between, where the mean of a single Gaussian would put it.
"""

from dataclasses import dataclass
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.errors import AttendError
from attend.networks import Convolution, Dense, space_to_depth
from attend.p import What, Where, smooth
from attend.q.cell import cells
from attend.q.heads import GlimpseEncoder
from attend.settings import FINITE, POSITIVE, SIZES, Settings

BLOCK = 4
"""Pixels on the side of the blocks that the first convolution takes in."""

TEMPERATURE = 0.5
"""Of the draw that commits to a place; lower is closer to all or nothing."""

SWAY = 4.0
"""By how much, at most, what is learned outweighs what is unexplained, where that counts: else a cell may learn to look
to where an object costs least, which is where nothing can be seen of it."""


@dataclass(frozen=True)
class GlanceSettings(Settings):
    """A network of convolutions over what is unexplained, and attention that chooses a place."""

    widths: Annotated[tuple[int, ...], SIZES] = (24, 48, 48)
    """Channels of the three convolutions."""
    saliency: Annotated[float, FINITE] = 0.0
    """How much it looks, before it has learned anything, to where most is unexplained; 0 for not at all."""
    reach: Annotated[float, POSITIVE] = 2.0
    """How far from a place of the grid the object may be that is seen there, in places. With 1 it is less often put
    between two objects."""

    def check(self, where: str) -> None:
        """There are three widths."""
        if len(self.widths) != 3:
            raise AttendError(f"{where}.widths: is {self.widths}; a glance cell has three, such as 32, 64, 64")


@cells.register("glance", GlanceSettings)
class GlanceCell(eqx.Module):
    """A difference cell (as in DAIR, paper section 3.3) without memory, with attention over a grid of places.

    In training the attention is a relaxed one-hot draw (Jang et al. 2017, "Categorical Reparameterization with
    Gumbel-Softmax", eq. 2). Its noise is the same under p and q, and so leaves the bound a bound. Without a key the
    place with the best score is taken.
    """

    stem: list[Convolution]
    head: eqx.nn.Linear
    presence: Dense
    encode: GlimpseEncoder
    saliency: float = eqx.field(static=True)
    reach: float = eqx.field(static=True)

    def __init__(
        self,
        settings: GlanceSettings,
        config: ModelConfig,
        size: tuple[int, int, int],
        where: Where,
        what: What,
        *,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 6)
        a, b, c = settings.widths
        self.stem = [
            Convolution(2 * size[2] * BLOCK**2, a, 2, stride=1, padding=0, key=keys[0]),
            Convolution(a, b, 3, stride=2, padding=1, key=keys[1]),
            Convolution(b, c, 3, stride=1, padding=1, key=keys[2]),
        ]
        self.head = eqx.nn.Linear(c, 1 + where.numbers, key=keys[3])
        self.presence = Dense([c, 64, 1], key=keys[4])
        self.encode = GlimpseEncoder(config, size[2], where, what, key=keys[5])
        self.saliency = settings.saliency
        self.reach = settings.reach

    def start(self, image: Float[Array, "h w c"]):
        """Nothing to remember."""
        return ()

    def __call__(self, memory, image: Float[Array, "h w c"], canvas: Float[Array, "h w c"], key: PRNGKeyArray | None):
        """See `attend.q.Cell`."""
        place_key, where_key, what_key = (None, None, None) if key is None else jax.random.split(key, 3)
        canvas = jax.lax.stop_gradient(canvas)
        residual = image - canvas
        features = space_to_depth(jnp.concatenate([residual, canvas], axis=-1), BLOCK)
        for convolution in self.stem:
            features = jax.nn.relu(convolution(features))
        rows, columns, _ = features.shape
        features = features.reshape(rows * columns, -1)
        score, numbers = jnp.split(jax.vmap(self.head)(features), [1], axis=1)
        score = score[:, 0]
        if self.saliency:
            score = SWAY * jnp.tanh(score / SWAY) + self.unexplained(residual, (rows, columns))
        attention = self.choose(score, place_key)
        x, y = jnp.meshgrid((2 * jnp.arange(columns) + 1) / columns - 1, (2 * jnp.arange(rows) + 1) / rows - 1)
        middle = jnp.stack([x.ravel(), y.ravel()], axis=1)
        reach = self.reach * jnp.array([2 / columns, 2 / rows])
        where = self.encode.where
        guesses = jax.vmap(where.at, in_axes=(0, None, 0))(middle, reach, numbers)
        q_where = where.posterior(jax.tree.map(lambda guess: attention @ guess, guesses))
        presence_logit = self.presence(attention @ features)[0]
        return memory, self.encode(presence_logit, q_where, self.encode.sees(image, residual), where_key, what_key)

    def unexplained(self, residual: Float[Array, "h w c"], grid: tuple[int, int]) -> Float[Array, " cells"]:
        """How much of the image each place has to explain: log mean square, times the saliency.

        Where p is fully specified, an object that is drawn elsewhere than it lies gets no gradient that leads it there.
        """
        rows, columns = (smooth(side, cells) for side, cells in zip(residual.shape, grid, strict=False))
        energy = jnp.einsum("ih,hwc,jw->ij", rows, residual**2, columns) / residual.shape[2]
        return self.saliency * jnp.log(energy.ravel() + 1e-4)

    def choose(self, score: Float[Array, " cells"], key: PRNGKeyArray | None) -> Float[Array, " cells"]:
        """Attention weights over the places: a relaxed draw, or all on the best without a key."""
        if key is None:
            return jax.nn.one_hot(jnp.argmax(score), score.shape[0])
        return jax.nn.softmax((score + jax.random.gumbel(key, score.shape)) / TEMPERATURE)
