"""The paper's recurrent cells: AIR's LSTM over the image, and DAIR's over what is still unexplained."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.errors import AttendError
from attend.networks import Dense
from attend.p import What, Where
from attend.q.cell import cells
from attend.q.heads import GlimpseEncoder
from attend.settings import SIZES, Settings


@dataclass(frozen=True)
class LSTMSettings(Settings):
    """An LSTM, which remembers what it has found."""

    widths: Annotated[tuple[int, ...], SIZES] = (256,)
    """The one size of the LSTM."""

    def check(self, where: str) -> None:
        """There is one width."""
        if len(self.widths) != 1:
            raise AttendError(f"{where}.widths: is {self.widths}; an LSTM cell has one size, such as 256")


class LSTMCell(eqx.Module):
    """AIR's cell (paper, figure 2): an LSTM sees the image and its own last latents, and says presence and where.

    With `difference` it sees image minus canvas instead (DAIR, section 3.3); no gradient flows into that canvas.
    The product of the image with the LSTM's input weights is the same at every step of AIR and is done once an image.
    """

    lstm: eqx.nn.LSTMCell
    from_image: eqx.nn.Linear
    locate: Dense
    encode: GlimpseEncoder
    difference: bool = eqx.field(static=True)

    def __init__(
        self,
        settings: LSTMSettings,
        config: ModelConfig,
        size: tuple[int, int, int],
        where: Where,
        what: What,
        *,
        difference: bool,
        key: PRNGKeyArray,
    ):
        (hidden,) = settings.widths
        keys = jax.random.split(key, 4)
        self.lstm = eqx.nn.LSTMCell(1 + len(where.names) + len(what.names), hidden, key=keys[0])
        self.from_image = eqx.nn.Linear(math.prod(size), 4 * hidden, use_bias=False, key=keys[1])
        self.locate = Dense([hidden, config.encoder_widths[0], 1 + where.numbers], key=keys[2])
        self.encode = GlimpseEncoder(config, size[2], where, what, key=keys[3])
        self.difference = difference

    def start(self, image: Float[Array, "h w c"]):
        """Zero hidden state, zero last latents, and the image's part of the gates."""
        hidden = jnp.zeros(self.lstm.hidden_size)
        gates = None if self.difference else self.from_image(image.ravel())
        return (hidden, hidden), jnp.zeros(self.lstm.input_size), gates

    def __call__(self, memory, image: Float[Array, "h w c"], canvas: Float[Array, "h w c"], key: PRNGKeyArray | None):
        """See `attend.q.Cell`."""
        hidden, latents, gates = memory
        where_key, what_key = (None, None) if key is None else jax.random.split(key)
        seen = image - jax.lax.stop_gradient(canvas) if self.difference else image
        from_image = self.from_image(seen.ravel()) if gates is None else gates
        lstm = eqx.tree_at(lambda cell: cell.bias, self.lstm, replace_fn=lambda bias: bias + from_image)
        hidden = lstm(latents, hidden)
        presence_logit, numbers = jnp.split(self.locate(hidden[0]), [1])
        where = self.encode.where
        q_where = where.posterior(where.anywhere(numbers))
        look = self.encode(presence_logit[0], q_where, self.encode.sees(image, seen), where_key, what_key)
        latents = jnp.concatenate([jax.nn.sigmoid(presence_logit), look.where, look.what])
        return (hidden, latents, gates), look


cells.register("lstm", LSTMSettings)(partial(LSTMCell, difference=False))
cells.register("lstm-difference", LSTMSettings)(partial(LSTMCell, difference=True))
