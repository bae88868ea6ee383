"""The march against a dense search along the rays, and what is seen against geometry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.render3d import Camera, shapes
from attend.render3d.smooth import smooth
from attend.render3d.trace import SHADING, Rays, bundle, look, march, sharpen

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
    first, second = march(shape, rays)
    height = rays.height(shape, sharpen(shape, rays, first))
    return first, second, height, rays.start + first.lost_at / (first.lost + 1e-9)


@jax.jit
def searched(shape, rays):
    """On a fine grid along every ray: the least height, the light lost, and the mean distance of where it is lost."""
    along = jnp.linspace(0.0, 2.5, 800)[:, None, None]
    heights = jax.vmap(lambda step: rays.height(shape, rays.start + step))(along)
    keeps = smooth(heights)
    kept = jnp.cumprod(jnp.where(heights[1:] < heights[:-1], keeps[1:] / jnp.maximum(keeps[:-1], 1e-9), 1.0), 0)
    lost = -jnp.diff(kept, axis=0, prepend=1.0)
    return jnp.min(heights, 0), 1 - kept[-1], jnp.sum(lost * (rays.start + along[1:]), 0)


@given(st.sampled_from(NAMES), st.floats(0, 6.28))
def test_the_march_finds_what_a_dense_search_finds(name, azimuth):
    rays = rays_from(azimuth)
    first, second, height, _ = marched(shapes[name], rays)
    least, lost, lost_at = map(np.asarray, searched(shapes[name], rays))
    light = np.asarray(first.lost + second.lost)
    assert (lost > 0.99).sum() > 10
    assert np.mean(np.abs(light - lost)) < 0.01
    assert np.quantile(np.abs(light - lost), 0.98) < 0.1
    once = np.asarray(second.lost) < 1e-3  # rays that come near only once, and by a pixel at most
    near = once & (least > 0) & (least < 1)
    assert near.sum() > 5
    assert np.quantile(np.abs(np.asarray(height) - least)[near], 0.9) < 0.02
    start, halo = np.asarray(rays.start), np.asarray(rays.halo)
    mean = np.asarray(first.lost_at + second.lost_at) + start * light
    off = np.abs(mean - lost_at)[np.abs(light - lost) < 0.01] / (halo * start)[np.abs(light - lost) < 0.01]
    assert np.quantile(off, 0.95) < 0.3


def test_a_mug_is_seen_at_its_rim_and_behind_it_and_a_cube_once():
    rays = rays_from(0.0)
    _, behind, *_ = marched(shapes["mug"], rays)
    assert np.sum(np.asarray(behind.lost) > 0.1) > 2
    assert np.all(np.asarray(marched(shapes["cube"], rays)[1].lost) < 1e-3)


def passing_the_sphere(rays: Rays) -> tuple[np.ndarray, np.ndarray]:
    """By how much each ray misses the middle of the sphere, and how far along it is then."""
    towards = np.array([0.0, 0.0, 0.4]) - np.asarray(rays.origin)
    along = np.tensordot(towards, np.asarray(rays.direction), 1)
    return np.sqrt(np.maximum(towards @ towards - along**2, 0)), along


def lit(cosine):
    return cosine


def test_a_sphere_covers_the_disc_that_it_should_and_is_lit_as_lambert_says():
    rays = rays_from(0.0)
    seen = look(shapes["sphere"], rays, SIZE_1, jnp.array([0.0, 0.0, 1.0]), lit)
    missed, along = passing_the_sphere(rays)
    pixels = (missed - 0.4) / (np.asarray(rays.halo) * along)
    np.testing.assert_allclose(seen.coverage, 1 - np.asarray(smooth(jnp.asarray(pixels))), atol=0.02)
    hit = pixels < -0.3
    outer = 0.4 + 0.5 * np.asarray(rays.halo) * along  # light is lost, on average, in the middle of the halo
    depth = along - np.sqrt(np.maximum(outer**2 - missed**2, 0))
    np.testing.assert_allclose(np.asarray(seen.depth)[hit], depth[hit], atol=0.02)
    point = rays.at(seen.depth)
    radius = np.sqrt(point[0] ** 2 + point[1] ** 2 + (point[2] - 0.4) ** 2)[hit]
    lambert = (np.asarray(point[2])[hit] - 0.4) / radius
    outwards = (np.sqrt(radius**2 + 2 * radius * SHADING * lambert + SHADING**2) - radius) / SHADING
    np.testing.assert_allclose(np.asarray(seen.shade)[hit], outwards, atol=0.02)
    np.testing.assert_allclose(outwards, lambert, atol=0.19)


@pytest.mark.slow
def test_depth_follows_the_surface():
    rays = rays_from(0.0)

    @jax.jit
    def depth(shift):
        moved = rays._replace(origin=rays.origin - shift)
        return look(shapes["sphere"], moved, SIZE_1, jnp.array([0.0, 0.0, 1.0]), lit).depth

    step = jnp.array([0.004, 0.0, 0.0])
    numeric = (depth(step) - depth(-step)) / 0.008
    _, slope = jax.jvp(depth, (jnp.zeros(3),), (jnp.array([1.0, 0.0, 0.0]),))
    well_inside = passing_the_sphere(rays)[0] < 0.3
    assert well_inside.sum() > 20
    off = np.abs(np.asarray(slope) - np.asarray(numeric))[well_inside]
    assert np.sqrt(np.mean(off**2)) < 0.05 * np.sqrt(np.mean(np.asarray(numeric)[well_inside] ** 2))


def test_an_object_behind_the_camera_is_not_seen():
    rays = rays_from(0.0)
    backwards = tuple(-part for part in rays.direction)
    away = bundle(rays.origin, backwards, rays.halo, jnp.array([0.0, 0.0, 0.4]), jnp.array(0.7))
    assert np.asarray(look(shapes["cube"], away, SIZE_1, jnp.ones(3), lit).coverage).max() < 1e-6
