import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attend.distributions import doubtful
from attend.q import count_log_probs

log_probs = jax.jit(count_log_probs)
logits = st.lists(st.floats(-100, 100), min_size=1, max_size=4)


@given(logits)
@example([100.0] * 3)
@example([-100.0] * 3)
@example([100.0, -100.0, 100.0])
def test_it_sums_to_1_and_is_the_product_of_the_chain(logits):
    found = np.asarray(log_probs(jnp.array(logits)), np.float64)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)
    present = -np.logaddexp(0, -np.array(logits, np.float32).astype(float))
    absent = -np.logaddexp(0, np.array(logits, np.float32).astype(float))
    for n in range(len(logits) + 1):
        expected = present[:n].sum() + (absent[n] if n < len(logits) else 0)
        assert found[n] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("logit", [0.0, 100.0, -100.0, 1e4, -1e4])
def test_gradients_stay_finite(logit):
    slope = jax.jacobian(count_log_probs)(jnp.full(3, logit))
    assert np.isfinite(slope).all()


def test_a_sure_posterior_can_be_told_otherwise():
    """Descent from a logit of 30 with a loss that wants no object: beyond any return without a limit."""

    def loss(logit, limit):
        logit = doubtful(logit, limit) if limit else logit
        return jnp.exp(count_log_probs(logit[None])) @ jnp.array([0.0, 50.0])

    assert jax.grad(loss)(jnp.array(30.0), 0.0) < 1e-10
    logit = jnp.array(30.0)
    for _ in range(400):
        logit = logit - jax.grad(loss)(logit, 6.0)
    assert logit < 0
    inside = jnp.array([-5.9, 0.3, 5.9])
    np.testing.assert_allclose(
        jax.vmap(jax.grad(loss), (0, None))(inside, 6.0), jax.vmap(jax.grad(loss), (0, None))(inside, 0.0)
    )


@pytest.mark.parametrize("logit", [30.0, -30.0])
def test_beyond_the_limit_nothing_leads_on(logit):
    assert doubtful(jnp.array(logit), 6.0) == np.copysign(6.0, logit)
    assert jax.grad(lambda raw: -np.sign(logit) * doubtful(raw, 6.0))(jnp.array(logit)) == 0
