"""What an estimator is: a loss whose gradient, on average, is that of a bound of log p(x)."""

from dataclasses import dataclass
from typing import Annotated, Protocol, runtime_checkable

from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from attend.config import CHOICES
from attend.p import Generative
from attend.q import Cell
from attend.settings import POSITIVE, Choices, Settings


@dataclass(frozen=True)
class BaselineSettings(Settings):
    """Of an estimator that learns something for itself."""

    baseline_learning_rate: Annotated[float, POSITIVE] = 1e-3
    """Learning rate for the baseline."""


Losses = tuple[Float[Array, ""], dict[str, Float[Array, ""]]]
"""The loss of a batch, and scalars to log, `elbo` in nats among them."""


@runtime_checkable
class Estimator(Protocol):
    """A pair of pure functions. What it learns for itself, such as a baseline, is apart from p and q."""

    def init(self, size: tuple[int, int, int], max_objects: int, key: PRNGKeyArray) -> PyTree:
        """The estimator's own parameters, for images of `size`; None when it has none."""
        ...

    def loss(
        self,
        own: PyTree,
        p: Generative,
        q: Cell,
        images: Float[Array, "b h w c"],
        log_p_count: Float[Array, " n"],
        key: PRNGKeyArray,
    ) -> Losses:
        """The loss and the scalars to log. `log_p_count` is the prior over counts at this step of training."""
        ...


estimators: Choices[Estimator] = CHOICES["estimator"]
"""Estimators by name: each a class `(settings)`."""
