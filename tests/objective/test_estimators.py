import equinox as eqx
import jax
import jax.numpy as jnp
import linear
import numpy as np
import pytest
import tiny

from attend.errors import AttendError
from attend.objective import Estimator, estimators


@pytest.mark.parametrize("name", list(estimators))
def test_every_estimator_gives_a_finite_loss_and_gradient_and_logs_the_elbo(name):
    p = linear.generative([0.5, 0.3, 0.2])
    q = linear.PosteriorCell(jnp.array(0.3), jnp.array(0.2), jnp.array(1.1))
    images = np.random.default_rng(0).random((16, *linear.SIZE)).astype(np.float32)
    estimator = tiny.estimator(name)
    assert isinstance(estimator, Estimator)
    own = estimator.init(linear.SIZE, 2, jax.random.key(0))

    @eqx.filter_jit
    @eqx.filter_value_and_grad(has_aux=True)
    def run(parts):
        own, q = parts
        return estimator.loss(own, p, q, jnp.asarray(images), p.count, jax.random.key(1))

    (loss, metrics), gradient = run((own, q))
    assert loss.shape == ()
    assert np.isfinite(loss)
    assert np.isfinite(metrics["elbo"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert all(leaf != 0 for leaf in jax.tree.leaves(gradient[1]))


def test_an_unknown_estimator_is_refused_with_the_known_ones():
    with pytest.raises(AttendError, match=r"estimator: 'vimco' is unknown; it must be one of .*exact, .*nvil"):
        estimators["vimco"]


PROBS = [0.6, 0.4]
IMAGE = np.random.default_rng(0).normal(0, 0.8, linear.SIZE).astype(np.float32)


def loss_of_logit(estimator, shift=0.0):
    p = linear.generative(PROBS)

    @jax.jit
    def loss(logit, key):
        q = linear.PosteriorCell(logit, shift)
        return estimator.loss(None, p, q, jnp.asarray(IMAGE)[None], p.count, key)

    return loss


@pytest.mark.parametrize("estimator", [tiny.estimator("exact"), tiny.estimator("iw"), tiny.estimator("iw", samples=3)])
def test_the_loss_is_least_where_q_over_counts_is_the_posterior(estimator):
    best = linear.posterior_logit(IMAGE, PROBS)
    loss = loss_of_logit(estimator)
    one = jax.grad(lambda logit, key: loss(logit, key)[0])
    keys = jax.random.split(jax.random.key(0), 4000)
    slopes = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(jnp.array([best - 1, best, best + 1]), keys)
    means, errors = slopes.mean(axis=1), slopes.std(axis=1) / len(keys) ** 0.5
    assert abs(means[1]) < 4 * errors[1] + 1e-5
    assert means[0] < -0.01 - 4 * errors[0]
    assert means[2] > 0.01 + 4 * errors[2]


def test_the_logged_bound_is_the_log_likelihood_where_q_is_the_posterior():
    best = linear.posterior_logit(IMAGE, PROBS)
    for samples in (1, 3):
        _, metrics = loss_of_logit(tiny.estimator("iw", samples=samples))(best, jax.random.key(0))
        assert float(metrics["iw_bound"]) == pytest.approx(linear.log_likelihood(IMAGE, PROBS), abs=1e-4)


def test_the_logged_bound_lies_between_the_elbo_and_the_log_likelihood():
    keys = jax.random.split(jax.random.key(0), 2000)
    means, errors = {}, {}
    for samples in (1, 8):
        loss = loss_of_logit(tiny.estimator("iw", samples=samples), shift=1.0)
        _, metrics = jax.jit(jax.vmap(lambda key, loss=loss: loss(0.7, key)))(keys)
        for name, values in metrics.items():
            means[name, samples] = float(values.mean())
            errors[name, samples] = float(values.std()) / len(keys) ** 0.5
    assert means["elbo", 1] == pytest.approx(means["elbo", 8], abs=5 * errors["elbo", 1])
    assert means["elbo", 1] < means["iw_bound", 1] - 4 * (errors["iw_bound", 1] + errors["elbo", 1])
    assert means["iw_bound", 1] < means["iw_bound", 8] - 4 * errors["iw_bound", 1]
    assert means["iw_bound", 8] < linear.log_likelihood(IMAGE, PROBS)
