"""Inference for each image by itself: it finds a lone object, and the best of more starts is no worse."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import Additive

from attend.baselines import mcmc, optimise
from attend.distributions import Choice, Gaussian
from attend.errors import AttendError
from attend.p import Code, Generative, PixelGaussian, geometric

SIZE = (12, 12, 1)


class Blobs(Additive):
    """Round spots at (x, y), narrow or wide by their kind."""

    size: tuple[int, int, int] = eqx.field(static=True, default=SIZE)
    what: Code = eqx.field(static=True, default=Code(2))

    def layer(self, where, what):
        rows, columns = jnp.mgrid[-1:1:12j, -1:1:12j]
        squared = (columns - where[0]) ** 2 + (rows - where[1]) ** 2
        return jnp.exp(-squared / (what @ jnp.array([0.1, 0.4])))[..., None]


P = Generative(
    geometric(0.0, 1), Gaussian(jnp.zeros(2), jnp.full(2, 0.5)), Choice(jnp.zeros(2)), Blobs(), PixelGaussian(0.1)
)
WHERES, KINDS = np.array([[0.3, -0.4], [-0.5, 0.2], [0.0, 0.6]], np.float32), np.array([0, 1, 0])
IMAGES = np.stack([Blobs().layer(w, jnp.eye(2)[k]) for w, k in zip(WHERES, KINDS, strict=True)])


def test_optimisation_finds_a_lone_object_and_more_starts_find_no_worse():
    few, many = (optimise(P, IMAGES, starts=starts, steps=100, batch_size=2) for starts in (1, 16))
    assert (many.log_likelihood > few.log_likelihood).any()
    np.testing.assert_array_equal(many.what.argmax(axis=1), KINDS)
    np.testing.assert_allclose(many.where, WHERES, atol=0.01)
    np.testing.assert_array_equal(optimise(P, IMAGES, starts=16, steps=100, batch_size=2).where, many.where)


@pytest.mark.slow
def test_chains_find_a_lone_object():
    fit = mcmc(P, IMAGES, chains=8, warmup=60, samples=40)
    np.testing.assert_array_equal(fit.what.argmax(axis=1), KINDS)
    np.testing.assert_allclose(fit.where, WHERES, atol=0.05)
    best = P.likelihood.log_prob(jnp.asarray(IMAGES[0]), jnp.asarray(IMAGES[0]))
    assert (fit.log_likelihood <= best + 1e-2).all()


def test_images_of_another_size_are_refused():
    with pytest.raises(AttendError, match="images: are 12x6x1"):
        optimise(P, IMAGES[:, :, ::2], starts=1)
