import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attend.render3d.window import corner, put

SIZE, SIDE = (9, 12), (4, 5)
WINDOW = np.random.default_rng(0).random(SIDE).astype(np.float32)

firsts = st.tuples(st.integers(0, SIZE[0] - SIDE[0]), st.integers(0, SIZE[1] - SIDE[1])).map(jnp.array)


@given(firsts)
def test_the_window_is_put_in_its_place_and_nothing_outside(first):
    row, column = first
    expected = np.zeros((*SIZE,), np.float32)
    expected[row : row + SIDE[0], column : column + SIDE[1]] = WINDOW
    np.testing.assert_array_equal(put(jnp.asarray(WINDOW), first, SIZE), expected)


@given(firsts)
def test_the_gradient_is_cut_out_of_the_same_place(first):
    row, column = first
    weights = np.random.default_rng(1).random(SIZE).astype(np.float32)
    slope = jax.grad(lambda window: jnp.sum(weights * put(window, first, SIZE)))(jnp.asarray(WINDOW))
    np.testing.assert_array_equal(slope, weights[row : row + SIDE[0], column : column + SIDE[1]])


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_the_window_is_about_its_middle_and_within_the_image(column, row):
    first = np.asarray(corner(jnp.array([column, row]), SIDE, SIZE))
    assert np.all(first >= 0)
    assert np.all(first + SIDE <= SIZE)
    middle = first + (np.array(SIDE) - 1) / 2
    clear = (first > 0) & (first + SIDE < SIZE)
    assert np.all(np.abs(middle - [row, column])[clear] <= 0.5 + 1e-5)
