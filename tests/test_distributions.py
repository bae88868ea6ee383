import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from attend.distributions import Choice, Distribution, Gaussian, UniformAngle, Window, WrappedNormal

means = st.tuples(*[st.floats(-1.5, 1.5)] * 3).map(lambda v: jnp.array(v, jnp.float32))
sds = st.tuples(*[st.floats(0.05, 2.0)] * 3).map(lambda v: jnp.array(v, jnp.float32))
families = pytest.mark.parametrize("family", [Gaussian, Window])

Q = jnp.array([-0.7, 0.2, -0.4]), jnp.array([0.3, 0.5, 0.8])
P = jnp.array([-0.4, 0.0, 0.1]), jnp.array([0.2, 0.9, 0.6])


@eqx.filter_jit
def log_probs(distribution, values):
    return jax.vmap(distribution.log_prob)(values)


@eqx.filter_jit
def samples(distribution, n: int = 20_000):
    return jax.vmap(distribution.sample)(jax.random.split(jax.random.key(0), n))


@eqx.filter_jit
def kl(q, p):
    return q.kl(p)


def grid(family) -> tuple[np.ndarray, np.ndarray]:
    """Points that cover all three axes of Q, and the volume that each stands for, in the units of the value."""
    axes = [np.linspace(m - 6 * s, m + 6 * s, 31) for m, s in zip(*Q, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    volume = np.full(len(points), np.prod([axis[1] - axis[0] for axis in axes]))
    if family is Window:
        points[:, 0] = np.exp(points[:, 0])
        volume *= points[:, 0]  # d scale = scale * d log scale
    return points.astype(np.float32), volume


@families
def test_densities_are_normalised_and_the_kl_is_its_integral(family):
    q, p = family(*Q), family(*P)
    points, volume = grid(family)
    log_q, log_p = (np.asarray(log_probs(d, points), np.float64) for d in (q, p))
    weight = np.exp(log_q) * volume
    assert weight.sum() == pytest.approx(1, abs=1e-3)
    assert float(kl(q, p)) == pytest.approx(np.sum(weight * (log_q - log_p)), abs=2e-3)


@families
def test_samples_follow_the_density_and_the_kl_is_their_mean_log_ratio(family):
    q, p = family(*Q), family(*P)
    values = samples(q)
    ratio = np.asarray(log_probs(q, values) - log_probs(p, values))
    assert abs(ratio.mean() - float(kl(q, p))) < 4 * ratio.std() / len(ratio) ** 0.5
    unconstrained = np.array(values)
    if family is Window:
        assert unconstrained[:, 0].min() > 0
        unconstrained[:, 0] = np.log(unconstrained[:, 0])
    for axis in range(3):
        assert stats.kstest(unconstrained[:, axis], "norm", (Q[0][axis], Q[1][axis])).pvalue > 0.001


@given(means, sds, means)
def test_log_prob_agrees_with_scipy(mean, sd, value):
    normal = stats.norm(np.asarray(mean, np.float64), np.asarray(sd, np.float64))
    expected = normal.logpdf(np.asarray(value, np.float64))
    np.testing.assert_allclose(log_probs(Gaussian(mean, sd), value[None])[0], expected.sum(), rtol=1e-4, atol=1e-4)
    where = value.at[0].set(jnp.exp(value[0]))
    lognormal = stats.lognorm(float(sd[0]), scale=np.exp(float(mean[0]))).logpdf(float(where[0]))
    np.testing.assert_allclose(
        log_probs(Window(mean, sd), where[None])[0], lognormal + expected[1:].sum(), rtol=1e-4, atol=1e-3
    )


@given(means, sds, means, sds)
def test_a_kl_is_positive_and_0_only_between_equals(mean, sd, other_mean, other_sd):
    for family in (Gaussian, Window):
        q = family(mean, sd)
        assert float(kl(q, q)) == pytest.approx(0, abs=1e-5)
        assert float(kl(q, family(other_mean, other_sd))) >= -1e-5


@families
def test_mode_and_spread_are_in_the_units_of_the_value(family):
    narrow = family(Q[0], Q[1] / 10)
    values = np.asarray(samples(narrow))
    np.testing.assert_allclose(np.median(values, axis=0), narrow.mode, atol=2e-3)
    np.testing.assert_allclose(values.std(axis=0), narrow.spread, rtol=0.03)


@families
def test_a_draw_is_reparameterised(family):
    """Its derivative with respect to the mean is that of the value, not 0."""
    slope = jax.jacobian(lambda mean: family(mean, Q[1]).sample(jax.random.key(0)))(Q[0])
    assert (np.diag(slope) > 0.1).all()
    assert isinstance(family(*Q), Distribution)


TURN = np.linspace(-np.pi, np.pi, 2001)[:-1].astype(np.float32)


@pytest.mark.parametrize("sd", [0.05, 0.3, 0.54, 0.56, 1.0, 2.5, 50.0])
def test_the_density_of_an_angle_is_normalised_and_its_kl_is_the_integral(sd):
    q = WrappedNormal(jnp.array(2.9), jnp.array(sd))
    log_q = np.asarray(log_probs(q, TURN), np.float64)
    weight = np.exp(log_q) * 2 * np.pi / len(TURN)
    assert weight.sum() == pytest.approx(1, abs=1e-3)
    assert float(kl(q, UniformAngle())) == pytest.approx(np.sum(weight * (log_q + np.log(2 * np.pi))), abs=1e-3)


def test_an_angle_a_whole_turn_away_is_the_same_angle():
    q = WrappedNormal(jnp.array(0.4), jnp.array(0.7))
    np.testing.assert_allclose(log_probs(q, TURN), log_probs(q, TURN + 2 * np.pi), atol=1e-4)


def test_draws_of_an_angle_follow_its_density():
    q = WrappedNormal(jnp.array(3.0), jnp.array(0.8))
    drawn = np.angle(np.exp(1j * np.asarray(samples(q))))
    found, edges = np.histogram(drawn, bins=16, range=(-np.pi, np.pi), density=True)
    density = np.exp(log_probs(q, ((edges[1:] + edges[:-1]) / 2).astype(np.float32)))
    np.testing.assert_allclose(found, density, atol=0.02)
    assert np.ptp(np.asarray(samples(UniformAngle()))) == pytest.approx(2 * np.pi, rel=0.01)


CHOICE = Choice(jnp.array([0.5, -1.0, 0.2]), Gaussian(jnp.array([0.3]), jnp.array([0.4])))
EVEN = Choice(jnp.zeros(3), Gaussian(jnp.zeros(1), jnp.ones(1)))


@pytest.mark.parametrize(("q", "p"), [(CHOICE, EVEN), (Choice(CHOICE.logits), Choice(EVEN.logits))])
def test_draws_of_a_choice_follow_its_probabilities_and_the_kl_is_their_mean_log_ratio(q, p):
    values = samples(q)
    assert set(np.unique(values[:, :3])) == {0, 1}
    np.testing.assert_allclose(values[:, :3].mean(axis=0), jax.nn.softmax(q.logits), atol=0.02)
    ratio = np.asarray(log_probs(q, values) - log_probs(p, values))
    assert abs(ratio.mean() - float(kl(q, p))) < 4 * ratio.std() / len(ratio) ** 0.5
    np.testing.assert_allclose(values.std(axis=0), q.spread, rtol=0.05)
    assert isinstance(q, Distribution)


def test_the_alternatives_of_a_choice_differ_in_the_category_alone():
    value = CHOICE.mode
    alternatives = CHOICE.alternatives(value)
    np.testing.assert_array_equal(alternatives[:, :3], np.eye(3))
    np.testing.assert_array_equal(alternatives[:, 3:], np.broadcast_to(value[3:], (3, 1)))
    categories = jnp.exp(jax.vmap(CHOICE.category_log_prob)(alternatives))
    np.testing.assert_allclose(categories, jax.nn.softmax(CHOICE.logits), rtol=1e-5)
    assert int(jnp.argmax(value[:3])) == int(jnp.argmax(categories))
