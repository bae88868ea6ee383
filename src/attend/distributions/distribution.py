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


@runtime_checkable
class Redrawn(Protocol):
    """A distribution that has a part, such as a yaw, which the bound cannot teach.

    Where an object's likelihood is one narrow spike over that part, a draw all but never hits it, and away from it
    nothing leads there. But what p paints with a known one shows q what it looks like: see `attend.q.unroll`.
    """

    def redrawn(self, value: Array, prior: Any, key: PRNGKeyArray) -> Array:
        """`value` with that part drawn from the prior instead."""
        ...

    def redrawn_log_prob(self, value: Array) -> Float[Array, ""]:
        """Log density of that part of `value`, in nats."""
        ...

    def held(self, value: Array) -> tuple[Distribution, Array]:
        """The same distribution and value, that part of both without a gradient."""
        ...
