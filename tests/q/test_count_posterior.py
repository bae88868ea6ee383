import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
