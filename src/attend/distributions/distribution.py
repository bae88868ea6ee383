"""What p and q need of a latent's distribution."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Float, PRNGKeyArray


@runtime_checkable
class Distribution(Protocol):
    """What p and q need of a latent's distribution."""

    def sample(self, key: PRNGKeyArray) -> Array:
        """A draw, reparameterised but for a category."""
        ...

    @property
    def mode(self) -> Array:
        """The value that stands for the whole distribution."""
        ...

    @property
    def spread(self) -> Array:
        """Standard deviation about the mode, in the units of the value."""
        ...

    def log_prob(self, value: Array) -> Float[Array, ""]:
        """Log density of `value`, in nats."""
        ...

    def kl(self, prior: Any) -> Float[Array, ""]:
        """KL(self || prior), in nats, for a `prior` of the same family."""
        ...
