import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from scipy.stats import chisquare

from attend.data import compose
from attend.data.compose import VISIBLE
from attend.data.resize import resize_matrix
from attend.errors import AttendError


@pytest.fixture(scope="module")
def glyphs():
    """Forty smooth blobs of differing extent with a dark margin."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-14:14, -14:14] + 0.5
    widths, heights = rng.uniform(2, 5, (2, 40, 1, 1))
    return np.round(255 * np.exp(-((x / widths) ** 2) - (y / heights) ** 2)).astype(np.uint8)


@pytest.fixture(scope="module")
def classes():
    return np.arange(40) % 10


def box_of(image):
    y, x = np.nonzero(image >= VISIBLE)
    return [x.min(), y.min(), x.max() - x.min() + 1, y.max() - y.min() + 1]


def same(a, b):
    return all(np.array_equal(getattr(a, f), getattr(b, f)) for f in ("images", "counts", "boxes", "labels"))


def test_seed_determines_the_scenes(glyphs, classes):
    first = compose(glyphs, classes, n=600, seed=3)
    assert same(first, compose(glyphs, classes, n=600, seed=3))
    assert not same(first, compose(glyphs, classes, n=600, seed=4))
    assert not same(first, compose(glyphs, classes, n=600, seed=(3, 1)))


def test_defaults_are_multi_mnist(glyphs, classes):
    data = compose(glyphs, classes, n=50, seed=0)
    assert data.image_shape == (50, 50, 1)
    assert data.boxes is not None
    assert data.boxes.shape == (50, 2, 4)
    assert set(data.counts) == {0, 1, 2}


@pytest.mark.parametrize("counts", [(0, 1, 2), (1, 3), (2,)])
def test_counts_are_uniform_over_those_allowed(glyphs, classes, counts):
    data = compose(glyphs, classes, n=1500, seed=1, counts=counts)
    found = [(data.counts == count).sum() for count in counts]
    assert sum(found) == 1500
    assert len(counts) == 1 or chisquare(found).pvalue > 1e-3


def test_glyphs_stay_uniform_though_scenes_are_redrawn(glyphs, classes):
    data = compose(glyphs, classes, n=2000, seed=2, counts=(2,))
    assert chisquare(np.bincount(data.labels.ravel())).pvalue > 1e-3


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    canvas=st.integers(24, 70),
    smallest=st.integers(12, 20),
    spread=st.integers(0, 4),
)
def test_a_box_is_the_extent_of_its_objects_visible_pixels(glyphs, classes, seed, canvas, smallest, spread):
    size = (smallest, smallest + spread)
    data = compose(glyphs, classes, n=8, seed=seed, canvas=canvas, counts=(1,), size=size, max_objects=3)
    assert data.image_shape == (canvas, canvas, 1)
    for image, boxes in zip(data.images[..., 0], data.boxes, strict=True):
        assert boxes[0].tolist() == box_of(image)
        assert not boxes[1:].any()
    assert (data.labels[:, 1:] == -1).all()


def test_two_objects_add_up_and_never_past_white(classes):
    white = np.zeros((1, 28, 28), np.uint8)
    white[:, 8:20, 8:20] = 255
    data = compose(white, np.array([7]), n=200, seed=5, counts=(2,), size=(28, 28))
    assert data.images.max() == 255
    # Where nothing adds up past white no light is lost: each scene has the light of two whole glyphs.
    assert (data.images.sum(axis=(1, 2, 3)) == 2 * 255 * 144).all()
    assert (data.labels == 7).all()


def test_many_objects_fit_where_there_is_room(glyphs, classes):
    data = compose(glyphs, classes, n=200, seed=8, counts=range(6))
    assert data.counts.max() == 5
    assert data.images.max() <= 255
    assert ((data.boxes[..., 2] > 0).sum(axis=1) == data.counts).all()


def test_places_cover_the_canvas_and_sizes_their_range():
    white = np.full((1, 4, 4), 255, np.uint8)
    data = compose(white, np.array([0]), n=4000, seed=6, canvas=8, counts=(1,), size=(2, 4))
    boxes = data.boxes[:, 0]
    assert (boxes[:, 2] == boxes[:, 3]).all()
    assert chisquare(np.bincount(boxes[:, 2].astype(int))[2:]).pvalue > 1e-3
    for side in (2, 3, 4):
        for axis in (0, 1):
            places = np.bincount(boxes[boxes[:, 2] == side, axis].astype(int), minlength=9 - side)
            assert len(places) == 9 - side
            assert chisquare(places).pvalue > 1e-3


def test_empty_scenes_are_black(glyphs, classes):
    data = compose(glyphs, classes, n=5, seed=0, counts=(0,), max_objects=2)
    assert not data.images.any()
    assert not data.boxes.any()
    assert (data.labels == -1).all()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"n": 0}, "n: 0"),
        ({"seed": -1}, "seed: -1"),
        ({"size": (20, 60)}, "size: "),
        ({"size": (23, 20)}, "size: "),
        ({"size": (0, 20)}, "size: "),
        ({"counts": ()}, "counts: "),
        ({"counts": (-1, 2)}, "counts: "),
        ({"max_objects": 1}, "max_objects: 1"),
    ],
)
def test_impossible_settings_are_refused_by_name(glyphs, classes, options, line):
    with pytest.raises(AttendError, match=f"^{line}"):
        compose(glyphs, classes, **{"n": 5, "seed": 0} | options)


def test_glyphs_that_cannot_be_used_are_refused(glyphs, classes):
    with pytest.raises(AttendError, match="glyphs: there are none"):
        compose(glyphs[:0], classes[:0], n=5, seed=0)
    with pytest.raises((AttendError, TypeCheckError), match="classes"):  # the tests' type checks come first
        compose(glyphs, classes[:3], n=5, seed=0)
    with pytest.raises(AttendError, match="classes: -2 is negative"):
        compose(glyphs, np.where(classes == 3, -2, classes), n=5, seed=0)
    with pytest.raises(AttendError, match="all but black"):
        compose(glyphs // 20, classes, n=5, seed=0)


def test_objects_that_cannot_fit_are_refused():
    white = np.full((1, 8, 8), 255, np.uint8)
    with pytest.raises(AttendError, match=r"counts: 2 objects of 8 to 8 pixels on a canvas of 10 add up past white"):
        compose(white, np.array([0]), n=5, seed=0, canvas=10, counts=(2,), size=(8, 8))


@settings(deadline=None)
@given(size_in=st.integers(1, 40), size_out=st.integers(1, 40))
def test_resizing_keeps_brightness_and_symmetry(size_in, size_out):
    matrix = resize_matrix(size_in, size_out)
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-3)
    assert (matrix >= 0).all()
    assert np.allclose(matrix, matrix[::-1, ::-1], atol=1e-4)
    assert (matrix.sum(axis=0) > 0).all()  # no pixel is skipped
    if size_in == size_out:
        assert np.array_equal(matrix, np.eye(size_in))


def test_on_grounds_the_scenes_are_the_same_in_colour(glyphs, classes):
    grounds = np.random.default_rng(0).integers(0, 256, (5, 50, 50, 3), dtype=np.uint8)
    black = compose(glyphs, classes, n=30, seed=0)
    data = compose(glyphs, classes, n=30, seed=0, grounds=grounds)
    assert data.image_shape == (50, 50, 3)
    for field in ("counts", "boxes", "labels"):
        np.testing.assert_array_equal(getattr(data, field), getattr(black, field))
    for image, opaque in zip(data.images, black.images[..., 0], strict=True):
        assert (image[opaque == 0] == grounds[:, opaque == 0]).all(axis=(1, 2)).any()


def test_a_glyph_on_a_ground_is_opaque_where_it_is_white(classes):
    white = np.full((10, 8, 8), 255, np.uint8)
    black = np.zeros((1, 20, 20, 3), np.uint8)
    same = {"n": 20, "seed": 0, "canvas": 20, "counts": (1,), "size": (6, 8)}
    on_black = compose(white, classes[:10], grounds=black, **same)
    on_white = compose(white, classes[:10], grounds=255 - black, **same)
    inside = compose(white, classes[:10], **same).images[..., 0] == 255
    np.testing.assert_array_equal(on_black.images[inside], on_white.images[inside])
    assert (on_black.images[inside].max(axis=1) > 190).all()
