"""What renderers of learned patches share: a decoder of `what`, and windows of the image to paint into."""

import equinox as eqx
from jaxtyping import PRNGKeyArray

from attend.config import ModelConfig
from attend.errors import AttendError
from attend.networks import Dense
from attend.p.latents import Code, Windows


class Patches(eqx.Module):
    """The decoder of the paper's 2D experiments (section 3.1): from `what` to a patch of a few channels."""

    decoder: Dense
    size: tuple[int, int, int] = eqx.field(static=True)
    where: Windows = eqx.field(static=True)
    what: Code = eqx.field(static=True)
    glimpse: int = eqx.field(static=True)
    bias: float = eqx.field(static=True)

    def __init__(
        self, config: ModelConfig, size: tuple[int, int, int], channels: int, *, colours: int = 0, key: PRNGKeyArray
    ):
        """A decoder into `channels`, to which the first `colours` numbers of `what` mean nothing."""
        shape = config.what - colours
        if shape < 1:
            raise AttendError(f"model.what: is {config.what}, of which {colours} tell the colour; it must be more")
        self.decoder = Dense([shape, *config.decoder_widths, config.glimpse**2 * channels], key=key)
        self.size = size
        self.where = Windows.of(config)
        self.what = Code(config.what, colours)
        self.glimpse = config.glimpse
        self.bias = config.decoder_bias
