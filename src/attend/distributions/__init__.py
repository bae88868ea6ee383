"""Distributions of the latents, as modules whose parameters are arrays that pass through `vmap` and `scan`.

A distribution has `sample(key)`, `mode`, `log_prob(value)` and `kl(prior)`, where `prior` is of the same family. All
are over one object's latent, with no batch axis. The libraries' own keep their batch shape outside the arrays, which
`vmap` then makes wrong; these do not have one.
"""

from attend.distributions.choice import Choice
from attend.distributions.circle import UniformAngle, WrappedNormal
from attend.distributions.distribution import Distribution, Redrawn
from attend.distributions.gaussian import Gaussian, positive
from attend.distributions.window import Window

__all__ = ["Choice", "Distribution", "Gaussian", "Redrawn", "UniformAngle", "Window", "WrappedNormal", "positive"]
