"""Masks over boxes, drawn at any resolution."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from attend.geometry import box_mask, footprint_box
from attend.masks import alpha_over, contours_over, label_image, mask_over, polygon_area

SIZE = (40, 50)
WHOLE = (0, 0, 50, 40)


def blob(seed, parts=1):
    """A soft alpha of ellipses in an image."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    alpha = np.zeros(SIZE)
    for _ in range(parts):
        (y, x), (a, b) = rng.uniform(8, 30, 2), rng.uniform(4, 12, 2)
        alpha = np.maximum(alpha, 1 / (1 + np.exp(4 * (np.hypot((rows - y) / a, (columns - x) / b) - 1) * min(a, b))))
    return (rng.uniform(0.4, 1) * alpha).astype(np.float32)


def painted(corner, mask):
    image = np.zeros(SIZE, bool)
    (x, y), (height, width) = corner, mask.shape
    image[y : y + height, x : x + width] = mask
    return image


@pytest.mark.parametrize("seed", range(6))
def test_a_mask_over_its_box_gives_back_the_pixels_it_was_made_of(seed):
    alpha = blob(seed, parts=1 + seed % 2)
    box = footprint_box(jnp.asarray(alpha)[..., None])
    mask = np.asarray(box_mask(jnp.asarray(alpha), box, 28))
    box = np.asarray(box)
    assert mask.min() >= 0
    assert mask.max() <= 1
    found, true = painted(*mask_over(mask, box, WHOLE)), alpha >= alpha.max() / 2
    assert (found & true).sum() / (found | true).sum() > 0.95


@given(st.integers(0, 100), st.sampled_from([7, 28]), st.floats(-20, 45), st.floats(-20, 35), st.floats(0.5, 60))
def test_pixels_are_those_whose_middle_the_box_holds_and_no_others(seed, m, x0, y0, side):
    mask = np.full((m, m), 0.7, np.float16)
    (x, y), inside = mask_over(mask, np.array([x0, y0, side, 2 * side]), WHOLE)
    columns, rows = np.arange(50) + 0.5, np.arange(40) + 0.5
    expected = ((columns >= x0) & (columns < x0 + side)) & ((rows >= y0) & (rows < y0 + 2 * side))[:, None]
    assert np.array_equal(painted((x, y), inside), expected)


def test_alpha_grows_with_the_box():
    """Twice as large a box shows every sample of the mask in twice as many pixels."""
    mask = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    _, alpha = alpha_over(mask, np.array([4.0, 3.0, 8.0, 8.0]), WHOLE)
    np.testing.assert_allclose(alpha, mask, atol=1e-6)
    _, twice = alpha_over(mask, np.array([4.0, 3.0, 16.0, 16.0]), WHOLE)
    np.testing.assert_allclose(twice[1:-1, 1:-1].reshape(7, 2, 7, 2).mean(axis=(1, 3)).mean(), mask.mean(), atol=0.1)


def test_in_front_wins_and_the_number_is_the_place_in_the_list_from_1():
    masks = np.ones((3, 4, 4), np.float16)
    boxes = np.array([[2, 2, 4, 4], [4, 2, 4, 4], [30, 30, 40, 40]], float)
    labels = label_image(masks, boxes, SIZE)
    assert labels.dtype == np.int32
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    assert (labels[2:6, 2:6] == 1).all()
    assert (labels[2:6, 6:8] == 2).all()
    assert (labels == 2).sum() == 8
    assert (labels[30:, 30:] == 3).all()
    assert not label_image(masks, boxes, SIZE, (10, 10, 20, 20)).any()


def test_nothing_has_no_pixels_and_no_outline():
    nothing = np.zeros((5, 5), np.float16)
    box = np.array([2.0, 2.0, 9.0, 9.0])
    assert not mask_over(nothing, box, WHOLE)[1].any()
    assert contours_over(nothing, box, WHOLE) == []
    assert contours_over(np.ones((5, 5), np.float16), np.zeros(4), WHOLE) == []
    assert label_image(nothing[:0].reshape(0, 5, 5), np.zeros((0, 4)), SIZE).max() == 0


@pytest.mark.parametrize("seed", range(8))
def test_outlines_hold_the_middles_of_the_pixels_and_of_no_others(seed):
    alpha = blob(seed, parts=1 + seed % 3)
    box = np.array([3.3, 2.1, 45.0, 50.0])  # beyond the image as well
    mask = np.asarray(box_mask(jnp.asarray(alpha), jnp.array([0.0, 0.0, 50.0, 40.0]), 28)).astype(np.float16)
    corner, inside = mask_over(mask, box, WHOLE)
    rings = contours_over(mask, box, WHOLE)
    drawn = np.zeros(SIZE, bool)
    for ring in rings:
        assert np.array_equal(ring[0], ring[-1])
        assert polygon_area(ring) > 0
        drawn |= polygon2mask(SIZE, ring[:, ::-1] - 0.5)
    assert np.array_equal(drawn, painted(corner, inside))
    areas = [polygon_area(ring) for ring in rings]
    assert areas == sorted(areas, reverse=True)


def test_holes_are_filled_in_outlines():
    ring = np.ones((10, 10), np.float16)
    ring[3:7, 3:7] = 0
    box = np.array([5.0, 5.0, 20.0, 20.0])
    (outline,) = contours_over(ring, box, WHOLE)
    assert polygon_area(outline) == pytest.approx(400, rel=0.02)
    assert mask_over(ring, box, WHOLE)[1].sum() < 350
