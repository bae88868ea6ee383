import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attend.geometry import attend, box_window, footprint_box, place, resampling_kernel, window

SIZES = [(8, 8), (7, 11), (12, 6)]
GLIMPSE = 4

crop = jax.jit(attend, static_argnums=2)
paint = jax.jit(place, static_argnums=2)
footprint = jax.jit(footprint_box, static_argnames="threshold")
cover = jax.jit(box_window, static_argnums=1)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def aligned(x0: int, y0: int, size: tuple[int, int], glimpse: int = GLIMPSE) -> jax.Array:
    """The window over `glimpse` x `glimpse` whole pixels from (x0, y0) on."""
    height, width = size
    return jnp.array([glimpse / min(size), (2 * x0 + glimpse) / width - 1, (2 * y0 + glimpse) / height - 1])


sizes = st.sampled_from(SIZES)
corners = st.tuples(st.integers(-2, 9), st.integers(-2, 9))
wheres = st.tuples(st.floats(0.2, 1.0), st.floats(-1, 1), st.floats(-1, 1)).map(jnp.array)


@given(sizes, st.integers(0, 8), st.integers(0, 8))
def test_an_aligned_glimpse_is_the_crop_and_its_layer_the_image_inside_and_nothing_outside(size, x0, y0):
    height, width = size
    x0, y0 = min(x0, width - GLIMPSE), min(y0, height - GLIMPSE)
    image, where = noise(height, width, 3), aligned(x0, y0, size)
    inside = np.s_[y0 : y0 + GLIMPSE, x0 : x0 + GLIMPSE]
    glimpse = crop(image, where, GLIMPSE)
    np.testing.assert_allclose(glimpse, image[inside], atol=1e-5)
    expected = np.zeros_like(image)
    expected[inside] = image[inside]
    layer = paint(glimpse, where, size)
    np.testing.assert_allclose(layer, expected, atol=1e-5)
    np.testing.assert_allclose(crop(layer, where, GLIMPSE), glimpse, atol=1e-5)


@given(sizes, corners)
def test_what_hangs_over_the_edge_is_cut_off(size, corner):
    patch = noise(GLIMPSE, GLIMPSE, 1)
    padded = np.zeros((size[0] + 40, size[1] + 40, 1), np.float32)
    x0, y0 = corner
    padded[20 + y0 : 20 + y0 + GLIMPSE, 20 + x0 : 20 + x0 + GLIMPSE] = patch
    layer = paint(patch, aligned(x0, y0, size), size)
    np.testing.assert_allclose(layer, padded[20 : 20 + size[0], 20 : 20 + size[1]], atol=1e-5)


def wave(size: tuple[int, int], phase: float) -> np.ndarray:
    """A smooth image in [0, 1], one period wide and high."""
    y, x = np.mgrid[: size[0], : size[1]]
    image = 0.5 + 0.25 * np.sin(2 * np.pi * x / size[1] + phase) + 0.25 * np.cos(2 * np.pi * y / size[0] + phase)
    return image[..., None].astype(np.float32)


def well_inside(where: jax.Array, size: tuple[int, int], glimpse: int) -> np.ndarray:
    """The pixels whose resampling touches neither the window's edge nor the image's."""
    column, row, side = (float(v) for v in window(where, size))
    margin = max(1.0, side / glimpse) + 0.5
    y, x = np.mgrid[: size[0], : size[1]]
    near = (np.abs(x - column) < side / 2 - margin) & (np.abs(y - row) < side / 2 - margin)
    return near & (x >= 2) & (x < size[1] - 2) & (y >= 2) & (y < size[0] - 2)


@given(
    st.sampled_from([(24, 24), (20, 30)]),
    st.sampled_from([6, 12]),
    st.floats(-0.4, 0.4),
    st.floats(-0.4, 0.4),
    st.floats(0, 6),
)
def test_attend_then_place_keeps_a_smooth_image_wherever_the_window_stands(size, side, x, y, phase):
    image, where, glimpse = wave(size, phase), jnp.array([side / min(size), x, y]), 12
    inside = well_inside(where, size, glimpse)
    assert inside.any()
    layer = paint(crop(image, where, glimpse), where, size)
    np.testing.assert_allclose(layer[inside], image[inside], atol=0.03)


@given(st.floats(0.2, 4.0), st.floats(0.0, 1.0))
def test_the_weights_of_a_sample_add_up_to_1_and_balance_at_its_place(pitch, shift):
    at = 20 + shift + (np.arange(5) - 2) * pitch
    kernel = np.asarray(resampling_kernel(40, 5, jnp.array(20 + shift), jnp.array(pitch)))
    np.testing.assert_allclose(kernel.sum(axis=1), 1, atol=1e-5)
    # The samples' edges cut through pixels; a whole pixel or two of a sample leave no error.
    np.testing.assert_allclose(kernel @ np.arange(40), at, atol=1e-4 if pitch <= 1 else 1 / 8 / pitch + 1e-4)


@given(st.floats(1.0, 4.0), st.floats(0.0, 1.0))
def test_shrinking_counts_every_pixel_alike(pitch, shift):
    kernel = np.asarray(resampling_kernel(60, 9, jnp.array(30 + shift), jnp.array(pitch)))
    inside = np.s_[int(31 - 3 * pitch) : int(30 + 3 * pitch)]
    np.testing.assert_allclose(kernel.sum(axis=0)[inside] * pitch, 1, atol=1e-5)


@given(st.floats(0.3, 0.9), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0, 6))
def test_attend_then_place_keeps_a_smooth_image(scale, x, y, phase):
    size, glimpse = (24, 24), 16
    image, where = wave(size, phase), jnp.array([scale, x, y])
    inside = well_inside(where, size, glimpse)
    assert inside.any()
    layer = np.asarray(paint(crop(image, where, glimpse), where, size))[inside]
    np.testing.assert_allclose(layer, image[inside], atol=0.04)


@given(sizes, wheres, st.sampled_from(["x", "y"]))
def test_a_where_moved_by_one_pixel_moves_the_layer_by_one_pixel(size, where, axis):
    height, width = size
    patch = noise(GLIMPSE, GLIMPSE, 1)
    step = jnp.array([0, 2 / width, 0]) if axis == "x" else jnp.array([0, 0, 2 / height])
    before, after = paint(patch, where, size), paint(patch, where + step, size)
    if axis == "x":
        np.testing.assert_allclose(after[:, 1:], before[:, :-1], atol=1e-4)
    else:
        np.testing.assert_allclose(after[1:], before[:-1], atol=1e-4)


@given(sizes, wheres)
def test_a_glimpse_moves_with_the_image(size, where):
    image = np.zeros((*size, 1), np.float32)
    image[1:-2, 1:-2] = noise(size[0] - 3, size[1] - 3, 1)
    moved = crop(np.roll(image, 1, axis=1), where + jnp.array([0, 2 / size[1], 0]), GLIMPSE)
    np.testing.assert_allclose(moved, crop(image, where, GLIMPSE), atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_a_window_is_square_in_pixels_whatever_the_image(size):
    where = jnp.array([GLIMPSE / min(size), 0.0, 0.0])
    column, row, side = window(where, size)
    assert float(column) == pytest.approx((size[1] - 1) / 2)
    assert float(row) == pytest.approx((size[0] - 1) / 2)
    assert float(side) == pytest.approx(GLIMPSE)
    _, _, wide, high = footprint(paint(jnp.ones((GLIMPSE, GLIMPSE, 1)), where, size), threshold=0.1)
    assert wide == high or {int(wide), int(high)} == {GLIMPSE, GLIMPSE + 1}  # between pixels, it touches one more


@pytest.mark.parametrize("size", SIZES)
def test_gradients_agree_with_finite_differences(size):
    with jax.enable_x64(True):
        smooth = jnp.asarray(wave(size, 1.0), jnp.float64)
        patch = jnp.asarray(wave((GLIMPSE, GLIMPSE), 2.0), jnp.float64)
        weights = jnp.asarray(np.random.default_rng(0).standard_normal((*size, 1)))

        def painted(where):
            return jnp.sum(weights * place(patch, where, size))

        def seen(where):
            return jnp.sum(weights[:GLIMPSE, :GLIMPSE] * attend(smooth, where, GLIMPSE))

        for function in (painted, seen):
            run, slope = jax.jit(function), jax.jit(jax.grad(function))
            for where in np.random.default_rng(1).uniform([0.3, -0.6, -0.6], [0.9, 0.6, 0.6], (4, 3)):
                steps = 1e-7 * np.eye(3)
                numeric = [(run(where + step) - run(where - step)) / 2e-7 for step in steps]
                np.testing.assert_allclose(slope(where), numeric, rtol=1e-5, atol=1e-6)


@given(sizes, st.tuples(*[st.integers(0, 20)] * 4), st.sampled_from([1.0, 0.01, -1.0]))
def test_the_footprint_box_is_tight(size, numbers, strength):
    height, width = size
    x0, y0 = numbers[0] % width, numbers[1] % height
    wide, high = 1 + numbers[2] % (width - x0), 1 + numbers[3] % (height - y0)
    layer = np.zeros((height, width, 3), np.float32)
    layer[y0, x0 + wide - 1, 1] = layer[y0 + high - 1, x0, 2] = strength  # two corners span the box
    assert footprint(layer).tolist() == [x0, y0, wide, high]


def test_the_footprint_leaves_out_faint_pixels_and_is_zero_for_nothing():
    layer = np.zeros((6, 5, 1), np.float32)
    assert footprint(layer).tolist() == [0, 0, 0, 0]
    layer[2, 3], layer[0, 0] = 1.0, 0.14
    assert footprint(layer).tolist() == [3, 2, 1, 1]
    assert footprint(layer, threshold=0.1).tolist() == [0, 0, 4, 3]


@given(sizes, st.tuples(*[st.integers(0, 20)] * 4))
def test_the_window_of_a_box_covers_it_and_no_more(size, numbers):
    height, width = size
    x0, y0 = numbers[0] % width, numbers[1] % height
    wide, high = 1 + numbers[2] % (width - x0), 1 + numbers[3] % (height - y0)
    where = cover(jnp.array([x0, y0, wide, high], jnp.float32), size)
    column, row, side = window(where, size)
    np.testing.assert_allclose([column, row], [x0 + (wide - 1) / 2, y0 + (high - 1) / 2], atol=1e-5)
    assert float(side) == pytest.approx(max(wide, high), abs=1e-5)


@given(sizes, st.integers(0, 8), st.integers(0, 8))
def test_a_patch_painted_into_the_window_of_a_box_has_that_box(size, x0, y0):
    box = [min(x0, size[1] - GLIMPSE), min(y0, size[0] - GLIMPSE), GLIMPSE, GLIMPSE]
    where = cover(jnp.array(box, jnp.float32), size)
    assert footprint(paint(jnp.ones((GLIMPSE, GLIMPSE, 1)), where, size)).tolist() == box


def test_the_window_of_an_empty_box_is_one_pixel():
    assert float(window(box_window(jnp.zeros(4), (8, 8)), (8, 8))[2]) == pytest.approx(1)
