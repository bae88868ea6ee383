"""What a cell is: one step of q, which attends to one object."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Float, PRNGKeyArray

from attend.config import CHOICES
from attend.distributions import Distribution
from attend.settings import Choices


class Look(NamedTuple):
    """What a cell says of one object: is there one, where, what. The values are draws, or modes without a key."""

    presence_logit: Float[Array, ""]
    q_where: Distribution
    q_what: Distribution
    where: Array
    what: Array


@runtime_checkable
class Cell(Protocol):
    """One step of q. `canvas` is what p has painted so far, which a difference network looks at too.

    Image and canvas come as p's noise is white (`Generative.seen`); with noise alike in every channel, as they are.
    """

    def start(self, image: Float[Array, "h w c"]) -> Any:
        """The memory before the first step; work that is the same at every step is done here, once an image."""
        ...

    def __call__(
        self, memory: Any, image: Float[Array, "h w c"], canvas: Float[Array, "h w c"], key: PRNGKeyArray | None
    ) -> tuple[Any, Look]:
        """The next memory, and what is seen."""
        ...


cells: Choices[Cell] = CHOICES["cell"]
"""Cells by name: each a class `(settings, config, size, where, what, *, key)`, its own settings and those of the whole
model, where and what as the renderer describes them."""


def draw(distribution: Distribution, key: PRNGKeyArray | None) -> Array:
    """A sample, or the mode when there is no key."""
    return distribution.mode if key is None else distribution.sample(key)
