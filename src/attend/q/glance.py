"""The default cell: no memory, it glances at what is still unexplained and commits to one place.

A network of convolutions looks at image minus canvas and scores every cell of a coarse grid; attention over the cells
chooses one, whose own offset then places the window. Every step does the same work on the same kind of input, so all
steps share one skill, and a step cannot settle on a part of the image of its own. Because attention weights can be as
sharp as they like, the window lands on one of two neighbouring objects, not between them, as the mean of a single
Gaussian from a dense layer would.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.distributions import Window
from attend.geometry import attend
from attend.q.convolution import Convolution, space_to_depth
from attend.q.heads import WhatEncoder, positive
from attend.q.unroll import Look, draw

BLOCK = 4


class GlanceCell(eqx.Module):
    """A difference cell (as in DAIR, paper section 3.3) without memory, with attention over a grid of places."""

    stem: list[Convolution]
    head: eqx.nn.Linear
    presence: eqx.nn.MLP
    encode: WhatEncoder
    prior_where: tuple[float, float, float] = eqx.field(static=True)
    glimpse: int = eqx.field(static=True)

    def __init__(
        self, size, what: int, *, prior_where, glimpse: int, channels: tuple[int, ...], encoder_hidden: int,
        encoder_depth: int, key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 6)
        a, b, c = channels
        self.stem = [
            Convolution(2 * size[2] * BLOCK**2, a, 2, stride=1, padding=0, key=keys[0]),
            Convolution(a, b, 3, stride=2, padding=1, key=keys[1]),
            Convolution(b, c, 3, stride=1, padding=1, key=keys[2]),
        ]
        self.head = eqx.nn.Linear(c, 1 + 6, key=keys[3])
        self.presence = eqx.nn.MLP(c, "scalar", 64, 1, jax.nn.relu, key=keys[4])
        self.encode = WhatEncoder(glimpse, size[2], what, hidden=encoder_hidden, depth=encoder_depth, key=keys[5])
        self.prior_where = prior_where
        self.glimpse = glimpse

    def start(self, image):
        """Nothing to remember."""
        return ()

    def __call__(self, memory, image, canvas, key):
        """See `attend.q.Cell`."""
        where_key, what_key = (None, None) if key is None else jax.random.split(key)
        canvas = jax.lax.stop_gradient(canvas)
        residual = image - canvas
        x = space_to_depth(jnp.concatenate([residual, canvas], axis=-1), BLOCK)
        for convolution in self.stem:
            x = jax.nn.relu(convolution(x))
        rows, columns, _ = x.shape
        cells = x.reshape(rows * columns, -1)
        out = jax.vmap(self.head)(cells)
        attention = jax.nn.softmax(out[:, 0])
        centres = jnp.stack(
            [
                jnp.tile((2 * jnp.arange(columns) + 1) / columns - 1, rows),
                jnp.repeat((2 * jnp.arange(rows) + 1) / rows - 1, columns),
            ],
            axis=-1,
        )
        offsets = 2 * jnp.tanh(out[:, 2:4]) * jnp.array([2 / columns, 2 / rows])
        mean = jnp.concatenate([self.prior_where[0] + out[:, 1:2], centres + offsets], axis=-1)
        q_where = Window(attention @ mean, positive(attention @ out[:, 4:7], 0.1))
        presence_logit = self.presence(attention @ cells)
        where = draw(q_where, where_key)
        q_what = self.encode(attend(residual, where, self.glimpse))
        return memory, Look(presence_logit, q_where, q_what, where, draw(q_what, what_key))
