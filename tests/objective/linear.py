"""A scene model whose log-likelihood and posterior are known: each object adds `weight @ what` to the pixels.

Given n objects the pixels are normal with covariance n W W' + sd^2 I, whatever `where` is. The columns of W are
orthogonal, so that with one object the posterior of `what` is a diagonal normal, as q's are.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy import special, stats
from tiny import Additive

from attend.distributions import Gaussian, Window
from attend.p import Code, Generative, PixelGaussian
from attend.q import Look, draw

SIZE = (2, 2, 1)
SD = 0.5
WEIGHT = np.array([[0.8, 0.3], [0.8, -0.3], [0.4, 0.6], [-0.4, 0.6]])
WEIGHT[:, 1] -= WEIGHT[:, 0] * (WEIGHT[:, 0] @ WEIGHT[:, 1]) / (WEIGHT[:, 0] @ WEIGHT[:, 0])
PLACE = Window(jnp.zeros(3), jnp.ones(3))


class LinearRenderer(Additive):
    size: tuple[int, int, int] = eqx.field(static=True, default=SIZE)
    what: Code = eqx.field(static=True, default=Code(2))

    def layer(self, where, what):
        return (jnp.asarray(WEIGHT, jnp.float32) @ what).reshape(self.size)


def generative(count_probs: list[float]) -> Generative:
    count = jnp.log(jnp.array(count_probs))
    return Generative(count, PLACE, Gaussian(jnp.zeros(2), jnp.ones(2)), LinearRenderer(), PixelGaussian(SD))


class PosteriorCell(eqx.Module):
    """q that is the posterior of a lone object, but for `shift` of its mean and `widen` times its sd."""

    presence_logit: Any = 0.0
    shift: Any = 0.0
    widen: Any = 1.0

    def start(self, image):
        return ()

    def __call__(self, memory, image, canvas, key):
        sd = jnp.asarray((1 + (WEIGHT**2).sum(axis=0) / SD**2) ** -0.5, jnp.float32)
        mean = sd**2 * (jnp.asarray(WEIGHT.T, jnp.float32) @ image.ravel()) / SD**2
        q_what = Gaussian(mean + self.shift, sd * self.widen)
        where_key, what_key = (None, None) if key is None else jax.random.split(key)
        logit = jnp.asarray(self.presence_logit, jnp.float32)
        return memory, Look(logit, PLACE, q_what, draw(PLACE, where_key), draw(q_what, what_key))


def joint(image: np.ndarray, count_probs: list[float]) -> np.ndarray:
    """log p(x, n), n = 0..N, in double precision."""
    pixels = np.asarray(image, float).ravel()
    covariances = [n * WEIGHT @ WEIGHT.T + SD**2 * np.eye(4) for n in range(len(count_probs))]
    return np.log(count_probs) + [stats.multivariate_normal(cov=c).logpdf(pixels) for c in covariances]


def log_likelihood(image: np.ndarray, count_probs: list[float]) -> float:
    return float(special.logsumexp(joint(image, count_probs)))


def posterior_logit(image: np.ndarray, count_probs: list[float]) -> float:
    """The presence logit of a lone object under the posterior."""
    absent, present = joint(image, count_probs)
    return present - absent
