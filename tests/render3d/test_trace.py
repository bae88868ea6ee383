"""The march against a dense search along the rays, and what is seen against geometry."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.render3d import Camera, shapes
from attend.render3d.trace import SHADING, Rays, bundle, look, march

SIZE = (24, 24)
NAMES = list(shapes)
SIZE_1 = jnp.array(1.0)
CAMERA = Camera((0.0, -3.5, 2.5), (0.0, 0.0, 0.35), 0.45)


def rays_from(azimuth: float, size: tuple[int, int] = SIZE) -> Rays:
    """Rays towards a shape of size 1 from a camera that has walked around it."""
    _, y, z = CAMERA.position
    position = (-np.sin(azimuth) * y, np.cos(azimuth) * y, z)
    camera = Camera(tuple(map(float, position)), CAMERA.target, CAMERA.field_of_view)
    row, column = jnp.meshgrid(*(jnp.arange(n, dtype=float) for n in size), indexing="ij")
    direction, spread = camera.rays(column, row, size, jnp.asarray(camera.axes))
    return bundle(jnp.array(position), direction, spread, jnp.array([0.15, 0.0, 0.4]), jnp.array(0.9))


@jax.jit
def marched(shape, rays):
    found, enters, _ = march(shape, rays)
    return shape(rays.at(found)) / (rays.spread * found), found, enters


@jax.jit
def searched(shape, rays):
    """The lowest distance in pixels and the first entry, on a fine grid along every ray."""
    along = jnp.linspace(0.0, 2.5, 500)
    values = jax.vmap(lambda step: shape(rays.at(rays.start + step)))(along)
    here = rays.start + along[:, None, None]
    lowest = jnp.min(values, axis=0)
    nearest = jnp.take_along_axis(here, jnp.argmin(values, axis=0)[None], 0)[0]
    entry = jnp.take_along_axis(here, jnp.argmax(values <= 0, axis=0)[None], 0)[0]
    return lowest / (rays.spread * nearest), entry


@given(st.sampled_from(NAMES), st.floats(0, 6.28))
def test_the_march_finds_what_a_dense_search_finds(name, azimuth):
    rays = rays_from(azimuth)
    lowest, entry, enters = map(np.asarray, marched(shapes[name], rays))
    expected, expected_entry = map(np.asarray, searched(shapes[name], rays))
    near = (expected > 0) & (expected < 1) & ~enters
    assert near.sum() > 10
    assert np.abs(lowest - expected)[near].mean() < 0.03
    assert np.abs(lowest - expected)[near].max() < 0.2
    assert np.all(enters[expected < -0.1])
    assert not np.any(enters[expected > 0.02])
    off = np.abs(entry - expected_entry)[enters & (expected < -0.1)]
    assert np.quantile(off, 0.98) < 0.02


def passing_the_sphere(rays: Rays) -> tuple[np.ndarray, np.ndarray]:
    """By how much each ray misses the middle of the sphere, and how far along it is then."""
    towards = np.array([0.0, 0.0, 0.4]) - np.asarray(rays.origin)
    along = np.tensordot(towards, np.asarray(rays.direction), 1)
    return np.sqrt(np.maximum(towards @ towards - along**2, 0)), along


def test_a_sphere_covers_the_disc_that_it_should_and_is_lit_as_lambert_says():
    rays = rays_from(0.0)
    seen = look(shapes["sphere"], rays, SIZE_1, jnp.array([0.0, 0.0, 1.0]), 1.0)
    missed, along = passing_the_sphere(rays)
    pixels = (missed - 0.4) / (np.asarray(rays.spread) * along)
    missing = np.clip(pixels, 0, 1)
    np.testing.assert_allclose(seen.coverage, 1 - missing**2 * (3 - 2 * missing), atol=0.02)
    hit = pixels < -0.3
    depth = along - np.sqrt(np.maximum(0.4**2 - missed**2, 0))
    np.testing.assert_allclose(np.asarray(seen.depth)[hit], depth[hit], atol=2e-3)
    height = np.asarray(rays.at(jnp.asarray(depth, jnp.float32))[2])
    lambert = (height[hit] - 0.4) / 0.4
    outwards = (np.sqrt(0.4**2 + 2 * 0.4 * SHADING * lambert + SHADING**2) - 0.4) / SHADING
    np.testing.assert_allclose(np.asarray(seen.cosine)[hit], outwards, atol=0.02)
    np.testing.assert_allclose(outwards, lambert, atol=0.19)


def test_depth_follows_the_surface():
    rays = rays_from(0.0)

    @jax.jit
    def depth(shift):
        moved = rays._replace(origin=rays.origin - shift)
        return look(shapes["sphere"], moved, SIZE_1, jnp.array([0.0, 0.0, 1.0]), 1.0).depth

    step = jnp.array([0.004, 0.0, 0.0])
    numeric = (depth(step) - depth(-step)) / 0.008
    _, slope = jax.jvp(depth, (jnp.zeros(3),), (jnp.array([1.0, 0.0, 0.0]),))
    well_inside = passing_the_sphere(rays)[0] < 0.3
    assert well_inside.sum() > 20
    np.testing.assert_allclose(np.asarray(slope)[well_inside], np.asarray(numeric)[well_inside], rtol=0.02, atol=0.01)


@jax.jit
@partial(jax.value_and_grad, argnums=(1, 2))
def total(shape, size, origin):
    rays = rays_from(0.3, (16, 16))._replace(origin=origin / size)
    return sum(jnp.sum(part) for part in look(shape, rays, size, jnp.array([0.6, 0.0, 0.8]), 1.0))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_seen_and_its_gradient_are_finite(name):
    value, slopes = total(shapes[name], SIZE_1, rays_from(0.3).origin)
    assert np.isfinite(value)
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_an_object_behind_the_camera_is_not_seen():
    rays = rays_from(0.0)
    backwards = tuple(-part for part in rays.direction)
    away = bundle(rays.origin, backwards, rays.spread, jnp.array([0.0, 0.0, 0.4]), jnp.array(0.7))
    assert np.asarray(look(shapes["cube"], away, SIZE_1, jnp.ones(3), 1.0).coverage).max() < 1e-6
