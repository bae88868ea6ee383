"""What renderers of learned patches share: a decoder of `what`, and windows of the image to paint into."""

from dataclasses import dataclass
from typing import Annotated

import equinox as eqx
from jaxtyping import PRNGKeyArray

from attend.config import ModelConfig
from attend.errors import AttendError
from attend.networks import Dense
from attend.p.latents import Code, Windows, WindowSettings
from attend.settings import FINITE, POSITIVE, SIZES


@dataclass(frozen=True)
class PatchSettings(WindowSettings):
    """Learned patches, painted into windows of the image."""

    what: Annotated[int, POSITIVE] = 50
    """Numbers in an object's appearance code."""
    decoder_widths: Annotated[tuple[int, ...], SIZES] = (400,)
    """Hidden layers of the patch decoder."""
    decoder_bias: Annotated[float, FINITE] = -2.0
    """Added before the decoder's sigmoid, so that patches start dark."""


class Patches(eqx.Module):
    """The decoder of the paper's 2D experiments (section 3.1): from `what` to a patch of a few channels."""

    decoder: Dense
    size: tuple[int, int, int] = eqx.field(static=True)
    where: Windows = eqx.field(static=True)
    what: Code = eqx.field(static=True)
    glimpse: int = eqx.field(static=True)
    bias: float = eqx.field(static=True)

    def __init__(
        self,
        settings: PatchSettings,
        config: ModelConfig,
        size: tuple[int, int, int],
        channels: int,
        *,
        colours: int = 0,
        key: PRNGKeyArray,
    ):
        """A decoder into `channels`, to which the first `colours` numbers of `what` mean nothing."""
        shape = settings.what - colours
        if shape < 1:
            raise AttendError(
                f"model.renderer.what: is {settings.what}, of which {colours} tell the colour; it must be more"
            )
        self.decoder = Dense([shape, *settings.decoder_widths, config.glimpse**2 * channels], key=key)
        self.size = size
        self.where = Windows.of(settings)
        self.what = Code(settings.what, colours)
        self.glimpse = config.glimpse
        self.bias = settings.decoder_bias
