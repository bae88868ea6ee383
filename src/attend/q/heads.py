"""The last part of a look, which cells share: at the glimpse, for what is there and what it tells of where."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import ModelConfig
from attend.distributions import Distribution
from attend.geometry import attend
from attend.networks import Dense
from attend.p import What, Where
from attend.q.cell import Look, draw


class GlimpseEncoder(eqx.Module):
    """The glimpse encoder of the paper's figure 2: q(what | glimpse), and the details of where if it has any."""

    network: Dense
    apart: Dense | None
    """Tells the last details of where, and shares nothing with what tells the rest."""
    where: Where = eqx.field(static=True)
    what: What = eqx.field(static=True)
    glimpse: int = eqx.field(static=True)
    whole: bool = eqx.field(static=True)
    """Whether the glimpse shows the image as well: before a background, what is unexplained does not tell colours."""

    def __init__(self, config: ModelConfig, channels: int, where: Where, what: What, *, key: PRNGKeyArray):
        numbers = what.numbers + where.details
        self.whole = config.background.name != "none"
        channels = 2 * channels if self.whole else channels
        widths = config.glimpse**2 * channels, *config.encoder_widths
        self.network = Dense([*widths, numbers], key=key)
        self.apart = Dense([*widths, where.apart], key=jax.random.fold_in(key, 0)) if where.apart else None
        self.where = where
        self.what = what
        self.glimpse = config.glimpse

    def sees(self, image: Float[Array, "h w c"], unexplained: Float[Array, "h w c"]) -> Float[Array, "h w c2"]:
        """What the glimpse is taken from."""
        return jnp.concatenate([unexplained, image], axis=-1) if self.whole else unexplained

    def __call__(
        self,
        presence_logit: Float[Array, ""],
        q_where: Distribution,
        seen: Float[Array, "h w c"],
        where_key: PRNGKeyArray | None,
        what_key: PRNGKeyArray | None,
    ) -> Look:
        """The look at one object, given where it is thought to be in the image `seen`.

        A `where` without details is drawn first, and the glimpse is what the draw shows: then `what` may depend on it.
        Else the glimpse is what the mode shows, and `where` is drawn once it has been refined. Where to look is learned
        from what is there, not from what can be told of it: no gradient goes that way.
        """
        gaze = jax.lax.stop_gradient(q_where.mode) if self.where.details else draw(q_where, where_key)
        glimpse = attend(seen, self.where.window(gaze), self.glimpse)
        numbers, details = jnp.split(self.network(glimpse.ravel()), [self.what.numbers])
        if self.apart is not None:
            details = jnp.concatenate([details, self.apart(glimpse.ravel())])
        q_what = self.what.posterior(numbers)
        q_where = self.where.refined(q_where, details)
        where = draw(q_where, where_key) if self.where.details else gaze
        return Look(presence_logit, q_where, q_what, where, draw(q_what, what_key))
