"""Poses and kinds of solids: what q's numbers mean, and that they agree with what is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend.distributions import Choice, Distribution
from attend.geometry import attend, footprint_box, window
from attend.p import What, Where
from attend.render3d import TableRenderer, worlds

RENDERER = worlds["tabletop"]((48, 64, 3))
WHERE, WHAT = RENDERER.where, RENDERER.what
POSE = WHERE.refined(WHERE.posterior(jnp.array([0.1, -0.05])), jnp.array([0.3, -0.2, 0.0, 0.5, -1.0, 2.0], jnp.float32))


def test_the_descriptions_are_what_p_and_q_ask_for():
    assert isinstance(WHERE, Where)
    assert isinstance(WHAT, What)
    for distribution in (POSE, WHERE.prior(), WHAT.prior(), WHAT.posterior(jnp.ones(WHAT.numbers))):
        assert isinstance(distribution, Distribution)
        value = distribution.sample(jax.random.key(0))
        assert value.shape == distribution.mode.shape == distribution.spread.shape
        assert np.isfinite(distribution.log_prob(value))
    assert len(WHERE.names) == len(POSE.mode)
    assert len(WHAT.names) == len(WHAT.prior().mode) == RENDERER.what_size


def test_the_kl_of_a_pose_is_the_mean_log_ratio_of_its_draws():
    prior = WHERE.prior()
    draws = jax.vmap(POSE.sample)(jax.random.split(jax.random.key(0), 4000))
    ratio = np.asarray(jax.vmap(lambda value: POSE.log_prob(value) - prior.log_prob(value))(draws))
    assert abs(ratio.mean() - float(POSE.kl(prior))) < 4 * ratio.std() / len(ratio) ** 0.5


@pytest.mark.parametrize("point", [(0.0, 0.0), (-0.3, 0.2), (0.4, 0.1)])
def test_a_place_said_of_a_point_is_seen_at_that_point(point):
    place = WHERE.at(jnp.array(point), jnp.array([0.1, 0.1]), jnp.zeros(2))
    seen = WHERE.window(jnp.append(place, 0.0))
    np.testing.assert_allclose(seen[1:], point, atol=1e-5)


def test_a_point_above_the_horizon_still_gives_a_finite_place_and_gradient():
    level = TableRenderer((32, 32, 3), camera=type(RENDERER.camera)(position=(0.0, -1.0, 0.4), target=(0.0, 0.0, 0.4)))

    def place(numbers):
        return level.where.at(jnp.array([0.0, -0.9]), jnp.array([0.1, 0.1]), numbers)

    assert np.isfinite(place(jnp.zeros(2))).all()
    assert np.isfinite(jax.jacobian(place)(jnp.zeros(2))).all()


@pytest.mark.parametrize("kind", range(3))
def test_the_window_of_a_pose_holds_the_whole_object(kind):
    where = jnp.array([0.05, 0.1, 0.7])
    coverage = RENDERER.layer(where, jnp.eye(3)[kind]).coverage[..., None]
    x0, y0, width, height = footprint_box(coverage, 0.5)
    column, row, side = window(WHERE.window(where), RENDERER.size[:2])
    assert column - side / 2 < x0
    assert x0 + width < column + side / 2
    assert row - side / 2 < y0
    assert y0 + height < row + side / 2
    assert attend(coverage, WHERE.window(where), 24).max() > 0.9


def test_kinds_are_one_hot_and_colour_and_size_follow_where_they_vary():
    renderer = TableRenderer((16, 16, 3), kinds=("cube", "mug"), sizes=(0.1, 0.3))
    assert renderer.what.names == ("is_cube", "is_mug", "red", "green", "blue", "size_m")
    prior = renderer.what.prior()
    assert isinstance(prior, Choice)
    np.testing.assert_allclose(prior.rest.mean, [0.5, 0.5, 0.5, 0.2], rtol=1e-6)
    drawn = jax.vmap(prior.sample)(jax.random.split(jax.random.key(0), 4000))
    assert float(drawn[:, -1].std()) == pytest.approx(0.2 / 12**0.5, rel=0.05)
    assert renderer.what.folds == (4, 1)


def test_of_a_pose_the_yaw_is_redrawn_and_held_and_nothing_else():
    value = POSE.sample(jax.random.key(0))
    others = jax.vmap(lambda key: POSE.redrawn(value, WHERE.prior(), key))(jax.random.split(jax.random.key(1), 200))
    np.testing.assert_array_equal(others[:, :2], np.broadcast_to(value[:2], (200, 2)))
    assert others[:, 2].max() - others[:, 2].min() > 6
    assert POSE.redrawn_log_prob(value) == POSE.yaw.log_prob(value[2])

    def log_prob(pose, value):
        held, same = pose.held(value)
        return held.log_prob(same)

    assert log_prob(POSE, value) == POSE.log_prob(value)
    of_pose, of_value = jax.grad(log_prob, (0, 1))(POSE, value)
    assert of_pose.place.mean.all()
    assert of_value[:2].all()
    assert not of_value[2]
    assert not of_pose.yaw.mean
    assert not of_pose.yaw.sd
