import itertools
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import linear
import numpy as np
import pytest
import tiny
from scipy import special, stats

from attend.objective import count_bounds, count_terms, elbo, importance_weighted_bound, per_count
from attend.q import unroll

LOG_P_COUNT = jnp.log(jnp.array([0.5, 0.3, 0.2]))


@pytest.fixture(scope="module", params=["glance", "lstm"])
def passed(request):
    """A model, an image, one pass over it, and the two sums over counts."""
    model, image = tiny.model(request.param), jnp.asarray(tiny.images(1, seed=3)[0] ** 3)

    @eqx.filter_jit
    def one(model, image, key):
        trace = unroll(model.p, model.q, image, key)
        return trace, elbo(model.p, trace, image, LOG_P_COUNT), count_terms(model.p, trace, image, LOG_P_COUNT)

    return model, image, *one(model, image, jax.random.key(1))


def scenes(p, trace, image):
    """Every vector of presences, its probability under the chain, its count, and log p(x | the scene drawn anew)."""
    pi = special.expit(np.asarray(trace.presence_logits, float))
    for z in itertools.product([0, 1], repeat=len(pi)):
        probability, on = 1.0, True
        for z_t, pi_t in zip(z, pi, strict=True):
            pi_t = pi_t if on else 0.0
            probability, on = probability * (pi_t if z_t else 1 - pi_t), on and z_t == 1
        state = p.renderer.empty()
        for t in np.flatnonzero(z):
            state = p.renderer.add(state, p.renderer.layer(trace.where[t], trace.what[t]))
        pixels = stats.norm(np.asarray(p.renderer.canvas(state), float), p.likelihood.sd).logpdf(image)
        yield np.array(z), probability, sum(z), pixels.sum()


def test_the_exact_objective_is_the_enumeration_of_all_presences(passed):
    model, image, trace, value, _ = passed
    expected = total = 0.0
    for z, probability, n, log_likelihood in scenes(model.p, trace, image):
        total += probability
        if probability:
            kl = float(z @ np.asarray(trace.kl, float))
            expected += probability * (log_likelihood + float(LOG_P_COUNT[n]) - np.log(probability) - kl)
    assert total == pytest.approx(1)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_a_weight_is_the_sum_over_counts_of_the_joint_over_q(passed):
    model, image, trace, _, terms = passed
    expected = [
        log_likelihood + float(LOG_P_COUNT[n]) - float(z @ np.asarray(trace.log_ratio, float))
        for z, probability, n, log_likelihood in scenes(model.p, trace, image)
        if probability
    ]
    assert float(jax.nn.logsumexp(terms)) == pytest.approx(special.logsumexp(expected), rel=1e-5)


def test_the_log_ratio_is_an_unbiased_estimate_of_the_kl(passed):
    model, image, *_ = passed

    @eqx.filter_jit
    def differences(model, image, keys):
        def one(key):
            trace = unroll(model.p, model.q, image, key)
            return trace.log_ratio - trace.kl

        return jax.vmap(one)(keys)

    values = np.asarray(differences(model, image, jax.random.split(jax.random.key(0), 4000)))
    z = values.mean(axis=0) / (values.std(axis=0) / len(values) ** 0.5)
    assert (np.abs(z) < 4).all()


def test_no_q_over_counts_beats_the_posterior_that_the_terms_imply(passed):
    model, image, trace, _, terms = passed
    on_draw = eqx.tree_at(lambda t: t.kl, trace, trace.log_ratio)
    best = jnp.exp(jax.nn.log_softmax(terms))
    at_least = jnp.array([best[1] + best[2], best[2]])
    survival = at_least / jnp.array([1.0, at_least[0]])
    logits = jnp.log(survival) - jnp.log1p(-survival)
    bound = float(jax.nn.logsumexp(terms))

    def value(logits):
        other = eqx.tree_at(lambda t: t.presence_logits, on_draw, logits)
        return float(elbo(model.p, other, image, LOG_P_COUNT))

    if np.isfinite(logits).all():
        assert value(logits) == pytest.approx(bound, abs=1e-3)
    for logits in ([0.0, 0.0], [3.0, -3.0], [-3.0, 3.0]):
        assert value(jnp.array(logits)) <= bound + 1e-3


def test_no_q_over_counts_has_a_larger_elbo_than_the_softmax_of_the_bounds(passed):
    model, image, trace, value, _ = passed
    bounds = np.asarray(count_bounds(model.p, trace, image, LOG_P_COUNT), float)
    probs = special.softmax(bounds)
    best = float(np.sum(probs * (bounds - np.log(probs))))
    assert best >= float(value)
    stays = probs[::-1].cumsum()[::-1]  # P(n >= t)
    logits = jnp.asarray(special.logit(stays[1:] / stays[:-1]), jnp.float32)
    trace = eqx.tree_at(lambda t: t.presence_logits, trace, logits)
    assert float(elbo(model.p, trace, image, LOG_P_COUNT)) == pytest.approx(best, abs=1e-3)


def test_per_count_sums_over_the_objects_of_each_count():
    assert per_count(jnp.array([1.0, 2.0, 4.0])).tolist() == [0, 1, 3, 7]


PROBS = [0.6, 0.4]
IMAGES = np.random.default_rng(0).normal(0, 0.8, (4, *linear.SIZE)).astype(np.float32)


@eqx.filter_jit
def bounds(p, q, image, keys, samples: int):
    """Many draws of the ELBO and of the importance-weighted bound."""

    def one(key):
        elbo_key, bound_key = jax.random.split(key)
        low = elbo(p, unroll(p, q, image, elbo_key), image, p.count)
        return low, importance_weighted_bound(p, q, image, p.count, bound_key, samples)

    return jax.vmap(one)(keys)


def mean_and_error(values):
    return float(np.mean(values)), float(np.std(values)) / len(values) ** 0.5


def test_where_q_is_the_posterior_the_bound_is_the_log_likelihood_and_so_is_the_mean_elbo():
    p = linear.generative(PROBS)
    for image in IMAGES:
        q = linear.PosteriorCell(jnp.array(linear.posterior_logit(image, PROBS)))
        truth = linear.log_likelihood(image, PROBS)
        lows, highs = bounds(p, q, jnp.asarray(image), jax.random.split(jax.random.key(0), 2000), 2)
        np.testing.assert_allclose(highs, truth, atol=1e-4)
        mean, error = mean_and_error(lows)
        assert abs(mean - truth) < 4 * error


@pytest.mark.slow
def test_the_bound_rises_from_the_elbo_to_the_log_likelihood_with_more_samples():
    """With up to two objects and a q that is off, so that no bound is tight."""
    probs = [0.3, 0.4, 0.3]
    p, q, image = linear.generative(probs), linear.PosteriorCell(0.5, 1.0, 2.0), jnp.asarray(IMAGES[0])
    truth = linear.log_likelihood(IMAGES[0], probs)
    run = partial(bounds, p, q, image)
    lows, singles = run(jax.random.split(jax.random.key(0), 1000), 1)
    values = [lows, singles, *(run(jax.random.split(jax.random.key(k), 1000), k)[1] for k in (8, 64))]
    means, errors = np.array([mean_and_error(v) for v in values]).T
    assert (np.diff(means) > 4 * np.hypot(errors[1:], errors[:-1])).all()
    assert means[-1] < truth + 4 * errors[-1]
    (best,) = run(jax.random.key(9)[None], 20_000)[1]
    assert float(best) == pytest.approx(truth, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["glance", "lstm", "lstm-difference"])
def test_the_elbo_is_below_the_bound_which_grows_with_the_samples(cell):
    model = tiny.model(cell)
    run = partial(bounds, model.p, model.q, jnp.asarray(tiny.images(1, seed=2)[0]))
    lows, singles = run(jax.random.split(jax.random.key(0), 1000), 1)
    values = [lows, singles, *(run(jax.random.split(jax.random.key(k), 1000), k)[1] for k in (4, 16))]
    means, errors = np.array([mean_and_error(v) for v in values]).T
    assert (np.diff(means) > 3 * np.hypot(errors[1:], errors[:-1])).all()
