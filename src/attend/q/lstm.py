"""The paper's recurrent cells: AIR's LSTM over the image, and DAIR's over what is still unexplained."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions import Window
from attend.geometry import attend
from attend.q.heads import WhatEncoder, positive
from attend.q.unroll import Look, draw


class LSTMCell(eqx.Module):
    """AIR's cell (paper, figure 2): an LSTM sees the image and its own last latents, and says presence and where.

    With `difference` it sees image minus canvas instead (DAIR, section 3.3), the gradient not flowing into the canvas.
    The product of the image with the LSTM's input weights is the same at every step of AIR and is done once an image.
    """

    lstm: eqx.nn.LSTMCell
    image_weight: Float[Array, "gates pixels"]
    locate: eqx.nn.MLP
    encode: WhatEncoder
    prior_where: tuple[float, float, float] = eqx.field(static=True)
    glimpse: int = eqx.field(static=True)
    what: int = eqx.field(static=True)
    difference: bool = eqx.field(static=True)

    def __init__(
        self, size, what: int, *, prior_where, glimpse: int, hidden: int, encoder_hidden: int, difference: bool,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 4)
        pixels = size[0] * size[1] * size[2]
        latents = 1 + 3 + what
        bound = 1 / jnp.sqrt(hidden)
        self.lstm = eqx.nn.LSTMCell(latents, hidden, key=keys[0])
        self.image_weight = jax.random.uniform(keys[1], (4 * hidden, pixels), minval=-bound, maxval=bound)
        self.locate = eqx.nn.MLP(hidden, 1 + 6, encoder_hidden, 1, jax.nn.relu, key=keys[2])
        self.encode = WhatEncoder(glimpse, size[2], what, hidden=encoder_hidden, depth=1, key=keys[3])
        self.prior_where = prior_where
        self.glimpse = glimpse
        self.what = what
        self.difference = difference

    def start(self, image: Float[Array, "h w c"]):
        """Zero hidden state, zero last latents, and the image's part of the gates."""
        hidden = self.lstm.hidden_size
        gates = None if self.difference else self.image_weight @ image.ravel()
        return (jnp.zeros(hidden), jnp.zeros(hidden)), jnp.zeros(1 + 3 + self.what), gates

    def __call__(self, memory, image, canvas, key):
        """See `attend.q.Cell`."""
        hidden, latents, gates = memory
        where_key, what_key = (None, None) if key is None else jax.random.split(key)
        seen = jax.lax.stop_gradient(image - canvas) if self.difference else image
        from_image = self.image_weight @ seen.ravel() if gates is None else gates
        lstm = eqx.tree_at(lambda c: c.bias, self.lstm, self.lstm.bias + from_image)
        hidden = lstm(latents, hidden)
        out = self.locate(hidden[0])
        q_where = Window(jnp.asarray(self.prior_where) + out[1:4], positive(out[4:7], 0.1))
        where = draw(q_where, where_key)
        q_what = self.encode(attend(seen, where, self.glimpse))
        what = draw(q_what, what_key)
        latents = jnp.concatenate([jax.nn.sigmoid(out[:1]), where, what])
        return (hidden, latents, gates), Look(out[0], q_where, q_what, where, what)
