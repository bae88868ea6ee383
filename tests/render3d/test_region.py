import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attend.render3d.region import VECTOR, Region

SIZE = (21, 30)
REGION = Region((6.3,) * 32, SIZE)
WHOLE = Region((18.0,) * 32, SIZE)
PARTS = tuple(jnp.asarray(np.random.default_rng(0).random((2, REGION.pixels.shape[1]))))

coordinates = st.floats(-50, 50)


def places(first) -> np.ndarray:
    """The region's pixels that lie in the image, as (its number, row, column)."""
    rows, columns = REGION.pixels + np.asarray(first)[:, None]
    inside = (rows >= 0) & (rows < SIZE[0]) & (columns >= 0) & (columns < SIZE[1])
    return np.stack([np.arange(len(rows)), rows, columns])[:, inside]


def test_it_reaches_as_far_as_it_must_in_each_direction():
    right, down, left, up = 6, 4, 3, 5
    rows, columns = Region((6.0, 4.0, 3.0, 5.0), SIZE).pixels
    rows, columns = rows - 9, columns - 9  # the farthest corner of such a box is within 6 * sqrt(2)
    within = (rows >= -up) & (rows <= down) & (columns >= -left) & (columns <= right)
    assert within.sum() == (up + 1 + down) * (left + 1 + right)
    assert len(within) % VECTOR == 0
    assert (~within).sum() < VECTOR


def test_reaching_alike_all_around_it_is_a_disc():
    assert {tuple(pixel) for pixel in REGION.pixels.T - 7} >= {
        (row, column) for row in range(-7, 8) for column in range(-7, 8) if np.hypot(row, column) <= 6.3
    }
    assert np.hypot(*(REGION.pixels - 7)).max() < 7.2


def test_it_is_the_whole_image_where_that_has_fewer_pixels():
    assert WHOLE.side == SIZE
    numbers = np.arange(SIZE[0] * SIZE[1], dtype=np.float32)
    first = WHOLE.first(jnp.array([3.0, 25.0]))
    np.testing.assert_array_equal(np.ravel_multi_index(tuple(WHOLE.pixels + np.asarray(first)[:, None]), SIZE), numbers)
    np.testing.assert_array_equal(WHOLE.put((jnp.asarray(numbers),), first)[0], numbers.reshape(SIZE))


@given(coordinates, coordinates)
def test_it_is_put_in_its_place_and_nothing_outside(column, row):
    first = REGION.first(jnp.array([column, row]))
    which, rows, columns = places(first)
    for part, image in zip(PARTS, REGION.put(PARTS, first), strict=True):
        expected = np.zeros(SIZE, np.float32)
        expected[rows, columns] = part[which]
        np.testing.assert_array_equal(image, expected)


@given(coordinates, coordinates)
def test_the_gradient_is_cut_out_of_the_same_place(column, row):
    first = REGION.first(jnp.array([column, row]))
    weights = np.random.default_rng(1).random((2, *SIZE)).astype(np.float32)
    slopes = jax.grad(lambda parts: sum(map(jnp.vdot, weights, REGION.put(parts, first))))(PARTS)
    which, rows, columns = places(first)
    for weight, slope in zip(weights, slopes, strict=True):
        expected = np.zeros(len(slope), np.float32)
        expected[which] = weight[rows, columns]
        np.testing.assert_array_equal(slope, expected)


@given(st.floats(-5, 35), st.floats(-5, 25))
def test_it_lies_about_the_middle(column, row):
    middle = np.asarray(REGION.first(jnp.array([column, row]))) + 7
    assert np.all(np.abs(middle - [row, column]) <= 0.5 + 1e-5)
