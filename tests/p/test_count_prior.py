import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.p import annealed_log_odds, geometric, refitted


@given(st.floats(-50, 50), st.integers(1, 4))
def test_the_prior_sums_to_1_and_each_object_multiplies_the_odds(log_odds, max_objects):
    log_p = np.asarray(geometric(log_odds, max_objects))
    assert log_p.shape == (max_objects + 1,)
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(np.diff(log_p), log_odds, atol=1e-4, rtol=1e-4)


def test_annealing_is_a_line_that_starts_and_ends_where_it_says_and_stays_there():
    at = jax.vmap(lambda step: annealed_log_odds(step, 6.0, -14.0, 1000))
    odds = at(jnp.array([0, 250, 500, 1000, 1001, 10**6]))
    np.testing.assert_allclose(odds, [6, 1, -4, -14, -14, -14], atol=1e-5)


@given(st.integers(0, 2**31))
def test_a_refitted_prior_is_the_average_of_q(seed):
    q = np.random.default_rng(seed).dirichlet([1.0, 1.0, 1.0], 20).astype(np.float32)
    np.testing.assert_allclose(np.exp(refitted(jnp.asarray(q))), q.mean(axis=0), atol=1e-3)


def test_a_refitted_prior_leaves_no_count_impossible():
    log_p = refitted(jnp.array([[0.0, 1.0, 0.0]]))
    assert np.isfinite(log_p).all()
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-6)
    assert np.exp(log_p)[0] == pytest.approx(1e-4, rel=1e-3)
