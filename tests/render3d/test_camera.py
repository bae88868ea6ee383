import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attend.errors import AttendError
from attend.render3d import Camera, Light

SIZE = (24, 32)

cameras = st.builds(
    lambda azimuth, height, away, x, y, field: Camera(
        (away * math.cos(azimuth), away * math.sin(azimuth), height), (x, y, 0.0), field
    ),
    st.floats(0, 6),
    st.floats(0.3, 2),
    st.floats(0, 2),
    st.floats(-0.2, 0.2),
    st.floats(-0.2, 0.2),
    st.floats(0.2, 1.2),
)
columns, rows = st.floats(-0.5, SIZE[1] - 0.5), st.floats(-0.5, SIZE[0] - 0.5)


@given(cameras, columns, rows)
def test_a_pixel_is_where_its_place_on_the_table_is_seen(camera, column, row):
    pixel = jnp.array([column, row])
    place = camera.onto_table(pixel, SIZE)
    assume(bool(jnp.all(jnp.abs(place) < 20)))  # neither above the horizon nor close below it
    np.testing.assert_allclose(camera.project(jnp.append(place, 0.0), SIZE), pixel, atol=0.02)


@given(cameras, columns, rows, st.floats(0.2, 3))
def test_a_ray_passes_through_what_is_seen_at_its_pixel(camera, column, row, distance):
    pixel = jnp.array([column, row])
    direction = jnp.stack(camera.rays(pixel[0], pixel[1], SIZE, jnp.asarray(camera.axes))[0])
    assert float(jnp.linalg.norm(direction)) == pytest.approx(1, abs=1e-5)
    point = jnp.array(camera.position) + distance * direction
    np.testing.assert_allclose(camera.project(point, SIZE), pixel, atol=0.01)


@given(cameras, columns, rows)
def test_the_spread_is_the_distance_between_neighbouring_rays(camera, column, row):
    def ray(column, row):
        return jnp.stack(camera.rays(column, row, SIZE, jnp.asarray(camera.axes))[0])

    here = jnp.float32(column), jnp.float32(row)
    # Across the ray's plane through the image's middle, where perspective stretches nothing else.
    away = jnp.array([here[0] - (SIZE[1] - 1) / 2, here[1] - (SIZE[0] - 1) / 2])
    across = jnp.array([-away[1], away[0]]) / jnp.maximum(jnp.linalg.norm(away), 1e-6)
    assume(float(jnp.linalg.norm(away)) > 0.1)
    _, moved = jax.jvp(ray, here, (across[0], across[1]))
    _, spread = camera.rays(*here, SIZE, jnp.asarray(camera.axes))
    assert float(jnp.linalg.norm(moved)) == pytest.approx(float(spread), rel=1e-3)


@given(cameras)
def test_the_axes_are_a_right_handed_frame_with_the_target_in_the_middle_of_the_image(camera):
    right, up, forward = camera.axes
    np.testing.assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(np.cross(right, up), -forward, atol=1e-6)
    assert up[2] >= -1e-6
    middle = [(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2]
    np.testing.assert_allclose(camera.project(jnp.array(camera.target), SIZE), middle, atol=1e-3)


def test_a_camera_from_the_south_has_east_to_the_right_and_north_and_height_up():
    camera = Camera((0.0, -1.0, 1.0), (0.0, 0.0, 0.0), 0.6)
    middle, east, north, above = np.asarray(
        camera.project(jnp.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0, 0, 0.1]]), SIZE)
    )
    assert east[0] > middle[0]
    assert east[1] == pytest.approx(middle[1])
    assert north[1] < middle[1]
    assert above[1] < middle[1]


def test_a_camera_that_looks_straight_down_is_a_map_with_north_up():
    camera = Camera((0.0, 0.0, 2.0), (0.0, 0.0, 0.0), 0.6)
    east, north = np.asarray(camera.onto_table(jnp.array([[31.0, 11.5], [15.5, 0.0]]), SIZE))
    assert east[0] > 0.1
    assert north[1] > 0.1
    np.testing.assert_allclose([east[1], north[0]], 0, atol=1e-6)


def test_the_field_of_view_spans_the_image_from_edge_to_edge():
    camera = Camera((0.0, 0.0, 2.0), (0.0, 0.0, 0.0), 0.6)
    _, edge = camera.onto_table(jnp.array([15.5, -0.5]), SIZE)
    assert float(edge) == pytest.approx(2 * math.tan(0.3), rel=1e-5)


def test_above_the_horizon_is_no_table():
    camera = Camera((0.0, -1.0, 0.5), (0.0, 0.0, 0.5), 0.6)
    assert np.isnan(camera.onto_table(jnp.array([15.5, 3.0]), SIZE)).all()
    assert np.isfinite(camera.onto_table(jnp.array([15.5, 20.0]), SIZE)).all()


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"position": (0.0, 0.0, -1.0)}, "camera.position"),
        ({"position": (0.0, math.nan, 1.0)}, "camera.position"),
        ({"position": (0.0, 0.0, 1.0), "target": (0.0, 0.0, 1.0)}, "camera.target"),
        ({"field_of_view": 0.0}, "camera.field_of_view"),
        ({"field_of_view": 3.2}, "camera.field_of_view"),
    ],
)
def test_a_bad_camera_is_refused(bad, field):
    with pytest.raises(AttendError, match=field):
        Camera(**bad)


@pytest.mark.parametrize(("bad", "field"), [({"direction": (0.0, 0.0, 0.0)}, "direction"), ({"ambient": 1.5}, "1.5")])
def test_a_bad_light_is_refused(bad, field):
    with pytest.raises(AttendError, match=field):
        Light(**bad)


@given(st.floats(-1, 1), st.floats(0, 1))
def test_light_adds_up_to_the_surface_s_own_colour_and_no_more(cosine, ambient):
    shade = float(Light(ambient=ambient).shade(jnp.array(cosine)))
    assert ambient - 1e-6 <= shade <= 1
    assert float(Light(ambient=ambient).shade(jnp.array(1.0))) == pytest.approx(1)
