import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.render3d import shapes

NAMES = list(shapes)

distance = jax.jit(lambda shape, points: shape(points))
slope = jax.jit(lambda shape, points: jax.grad(lambda p: jnp.sum(shape(p)))(points))

names = st.sampled_from(NAMES)
seeds = st.integers(0, 2**16)


def points(seed: int, n: int = 500, reach: float = 1.2) -> np.ndarray:
    """Points (3, n) in and around a shape of size 1."""
    middle = np.array([[0.0], [0.0], [0.5]])
    return (middle + np.random.default_rng(seed).uniform(-reach, reach, (3, n))).astype(np.float32)


def turned(points: np.ndarray, yaw: float) -> np.ndarray:
    x, y, z = points
    return np.stack([math.cos(yaw) * x - math.sin(yaw) * y, math.sin(yaw) * x + math.cos(yaw) * y, z])


def grid(side: int = 96) -> tuple[np.ndarray, float]:
    """The middles (3, n) of small cubes that fill the space that a shape of size 1 can take, and a cube's volume."""
    axes = [np.linspace(low, high, side, dtype=np.float32) for low, high in ((-0.6, 1.0), (-0.6, 0.6), (-0.1, 1.0))]
    steps = [axis[1] - axis[0] for axis in axes]
    return np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1), math.prod(steps)


@given(names, seeds, st.floats(1e-3, 1.0))
def test_the_distance_changes_no_faster_than_the_point_moves(name, seed, far):
    here = points(seed)
    step = np.random.default_rng(seed + 1).standard_normal(here.shape)
    there = (here + far * step / np.linalg.norm(step, axis=0)).astype(np.float32)
    moved = np.linalg.norm(there - here, axis=0)
    change = np.abs(distance(shapes[name], there) - distance(shapes[name], here))
    assert np.all(change <= moved + 1e-5)


@given(names, seeds)
def test_the_distance_is_a_lower_bound_of_that_to_the_surface(name, seed):
    shape = shapes[name]
    here = points(seed, 100)
    here = here[:, np.asarray(distance(shape, here)) > 0]
    inside, _ = grid(32)
    inside = inside[:, np.asarray(distance(shape, inside)) <= 0]
    nearest = np.sqrt(((here[:, :, None] - inside[:, None]) ** 2).sum(0)).min(1)
    assert np.all(distance(shape, here) <= nearest + 1e-5)


@given(names, seeds)
def test_the_gradient_is_a_unit_vector_nearly_everywhere_and_always_finite(name, seed):
    axis = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.2, 0.4, 2.0]], np.float32)
    gradient = np.asarray(slope(shapes[name], np.concatenate([axis, points(seed)], axis=1)))
    assert np.isfinite(gradient).all()
    length = np.linalg.norm(gradient[:, 3:], axis=0)
    assert np.mean(np.abs(length - 1) < 1e-3) > 0.98


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("cube", [(0, 0, 0.4), (0.36, 0.36, 0.4), (0, 0, 0.01)], [(0.41, 0, 0.4), (0.4, 0.4, 0.4), (0, 0, 0.81)]),
        ("sphere", [(0, 0, 0.4), (0.39, 0, 0.4)], [(0.41, 0, 0.4), (0.3, 0.3, 0.1)]),
        ("cylinder", [(0, 0, 0.01), (0, 0.34, 0.4)], [(0.26, 0.26, 0.4), (0, 0, 0.81)]),
        ("two-tone-cylinder", [(0, 0, 0.01), (0, 0.34, 0.4)], [(0.26, 0.26, 0.4), (0, 0, 0.81)]),
        ("cone", [(0.3, 0, 0.1), (0, 0, 0.85)], [(0.3, 0, 0.6), (0, 0, 0.92)]),
        ("torus", [(0.33, 0, 0.13), (0, -0.33, 0.02)], [(0, 0, 0.13), (0.47, 0, 0.13)]),
        ("mug", [(0.31, 0, 0.5), (0, 0, 0.05), (0.56, 0, 0.4)], [(0, 0, 0.5), (0.43, 0, 0.4), (-0.5, 0, 0.4)]),
        ("plate", [(0, 0, 0.04), (0.46, 0, 0.12)], [(0, 0, 0.12), (0.46, 0, 0.04)]),
        ("pan", [(0, 0, 0.04), (0.8, 0, 0.17)], [(0, 0, 0.15), (-0.6, 0, 0.17)]),
        ("bowl", [(0, 0, 0.05), (-0.42, 0, 0.4)], [(0, 0, 0.3), (0.42, 0, 0.1)]),
    ],
)
def test_a_shape_is_where_its_name_says(name, inside, outside):
    assert np.all(distance(shapes[name], np.array(inside, np.float32).T) < 0)
    assert np.all(distance(shapes[name], np.array(outside, np.float32).T) > 0)


@pytest.mark.parametrize(
    ("name", "volume"),
    [
        ("cube", 0.8**3),
        ("sphere", 4 / 3 * math.pi * 0.4**3),
        ("cylinder", math.pi * 0.35**2 * 0.8),
        ("cone", math.pi * 0.45**2 * 0.98 / 3),
        ("torus", 2 * math.pi**2 * 0.33 * 0.13**2),
        ("mug", math.pi * (0.31**2 * 0.1 + 2 * 0.31 * 0.7 * 0.1 + (math.pi * 0.17 + 0.12) * 0.05**2)),
    ],
)
def test_a_shape_has_the_volume_of_its_name_but_for_rounded_edges(name, volume):
    cubes, each = grid()
    assert np.sum(distance(shapes[name], cubes) < 0) * each == pytest.approx(volume, rel=0.12)


@pytest.mark.parametrize("name", NAMES)
def test_a_shape_stands_on_the_table_and_fits_its_size_and_its_bounds(name):
    shape = shapes[name]
    cubes, _ = grid()
    within = cubes[:, np.asarray(distance(shape, cubes)) < 0]
    assert -1e-6 <= within[2].min() < 0.03
    assert np.abs(within[1]).max() <= 0.5
    assert within[2].max() <= 1
    x, z, radius = shape.bounds
    reach = np.sqrt((within[0] - x) ** 2 + within[1] ** 2 + (within[2] - z) ** 2).max()
    assert radius - 0.08 <= reach <= radius


@pytest.mark.parametrize("name", NAMES)
def test_its_rings_hold_a_shape_at_any_yaw_and_little_more(name):
    shape = shapes[name]
    cubes, _ = grid()
    x, y, z = cubes[:, np.asarray(distance(shape, cubes)) < 0]
    away = np.hypot(x - shape.bounds[0], y)
    radius, height = shape.rings.T
    for turn in np.linspace(-np.pi / 2, np.pi / 2, 13):
        out, up = np.cos(turn), np.sin(turn)
        assert 0 <= (radius * out + height * up).max() - (away * out + z * up).max() < 0.07


@given(names, seeds)
def test_a_turn_by_its_fold_changes_nothing(name, seed):
    shape, here = shapes[name], points(seed)
    turn = 2 * math.pi / shape.fold if shape.fold else 1.234
    np.testing.assert_allclose(distance(shape, turned(here, turn)), distance(shape, here), atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NAMES if shapes[name].fold])
def test_a_turn_by_less_than_its_fold_changes_it(name):
    shape, here = shapes[name], points(0)
    for part in (2, 3):
        there = turned(here, 2 * math.pi / shape.fold / part)
        toned = np.abs(shape.tone_at(there, 0.01) - shape.tone_at(here, 0.01)).max()
        assert max(toned, np.abs(distance(shape, there) - distance(shape, here)).max()) > 0.05


def test_a_half_of_the_two_tone_cylinder_is_dark():
    here = points(0)
    here = here[:, np.abs(here[0]) > 0.01]
    np.testing.assert_allclose(
        shapes["two-tone-cylinder"].tone_at(here, 0.01), np.where(here[0] < 0, 0.4, 1.0), rtol=1e-6
    )
    np.testing.assert_array_equal(shapes["cylinder"].tone_at(here, 0.01), 1.0)


def test_the_folds_are_those_of_the_things_named():
    assert {name: shapes[name].fold for name in NAMES} == {
        "cube": 4,
        "sphere": 0,
        "cylinder": 0,
        "two-tone-cylinder": 1,
        "cone": 0,
        "torus": 0,
        "mug": 1,
        "plate": 0,
        "pan": 1,
        "bowl": 0,
    }
