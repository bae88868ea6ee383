import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from attend.data import COLOURS, SHAPES, SPLITS, draw_sprites, load
from attend.data.sprites import coverage
from attend.errors import AttendError

CIRCLE_AREA = {"square": 2.0, "ellipse": np.pi * 0.55, "triangle": 27**0.5 / 4, "heart": (4 + np.pi) * 0.5607**2}
"""Area of each shape in a unit circle."""


def same(a, b):
    return all(np.array_equal(getattr(a, f), getattr(b, f)) for f in ("images", "counts", "boxes", "labels"))


def alone(shape, diameter, centre, rotation, canvas=40):
    """Coverage (canvas, canvas) of one object."""
    one = coverage(
        np.array([SHAPES.index(shape)]),
        np.array([diameter], np.float32),
        np.array([centre], np.float32),
        np.array([rotation], np.float32),
        canvas,
    )
    return one[0].astype(np.float64)


def test_defaults():
    data = draw_sprites(n=200, seed=0)
    assert data.image_shape == (50, 50, 3)
    assert data.boxes.shape == (200, 3, 4)
    assert set(data.counts) == {0, 1, 2, 3}
    assert set(data.labels.ravel()) == {-1, 0, 1, 2, 3}


def test_seed_determines_the_scenes():
    first = draw_sprites(n=300, seed=3)
    assert same(first, draw_sprites(n=300, seed=3))
    assert not same(first, draw_sprites(n=300, seed=4))
    assert not same(first, draw_sprites(n=300, seed=(3, 1)))


@pytest.mark.parametrize("shape", SHAPES)
@settings(deadline=None, max_examples=25)
@given(
    diameter=st.floats(10, 30, width=32),
    x=st.floats(15, 25, width=32),
    y=st.floats(15, 25, width=32),
    rotation=st.floats(0, 6, width=32),
)
def test_a_shape_has_its_area_and_stays_in_its_circle(shape, diameter, x, y, rotation):
    alpha = alone(shape, diameter, (x, y), rotation)
    assert alpha.sum() == pytest.approx(CIRCLE_AREA[shape] * diameter**2 / 4, rel=0.03)
    columns, rows = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    from_centre = np.hypot(columns - x, rows - y)
    assert not (alpha[from_centre > diameter / 2 + 0.51] > 0.3).any()
    assert not alpha[from_centre > diameter / 2 + 1.01].any()  # the faint tip of a sharp corner
    assert alpha[from_centre > diameter / 2 - 2].any()  # and reaches it


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_stand_upright_and_turn_clockwise(shape):
    upright = alone(shape, 24, (20, 20), 0)
    assert np.allclose(upright, upright[:, ::-1], atol=1e-3)
    assert np.allclose(np.rot90(upright, -1), alone(shape, 24, (20, 20), np.pi / 2), atol=1e-3)
    widths = (upright > 0.5).sum(axis=1)
    widths = widths[widths > 0]
    if shape == "triangle":
        assert widths[0] < widths[-1]  # point up
    if shape == "heart":
        assert widths[0] > widths[-1]  # point down


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32), canvas=st.integers(22, 70), smallest=st.integers(6, 20), spread=st.integers(0, 2))
def test_a_box_is_the_extent_of_its_object(seed, canvas, smallest, spread):
    size = (smallest, smallest + spread)
    data = draw_sprites(n=8, seed=seed, canvas=canvas, counts=(1,), size=size, max_objects=2)
    assert data.image_shape == (canvas, canvas, 3)
    for image, boxes in zip(data.images.max(axis=3), data.boxes, strict=True):
        y, x = np.nonzero(image >= 26)
        assert boxes[0].tolist() == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]
        assert max(boxes[0, 2:]) <= size[1] + 2
        assert not boxes[1].any()


@pytest.mark.parametrize("field", ["counts", "labels", "colours"])
def test_draws_are_uniform_though_crowded_scenes_are_redrawn(field):
    data = draw_sprites(n=1200, seed=1, counts=(1, 3), max_overlap=0.0)
    if field == "counts":
        found = np.bincount(data.counts)[[1, 3]]
    elif field == "labels":
        found = np.bincount(data.labels[data.labels >= 0])
        assert len(found) == len(SHAPES)
    else:
        single = data.images[data.counts == 1].reshape((data.counts == 1).sum(), -1, 3).max(axis=1)
        found = [(single == colour).all(axis=1).sum() for colour in COLOURS.values()]
        assert sum(found) == len(single)
    assert chisquare(found).pvalue > 1e-3


def test_no_overlap_means_that_no_pixel_mixes_colours():
    data = draw_sprites(n=100, seed=2, counts=(3,), max_overlap=0.0)
    pixels = data.images.reshape(-1, 3)
    lit = pixels[pixels.any(axis=1)]
    assert ((lit == 0) | (lit == lit.max(axis=1, keepdims=True))).all()


def test_more_overlap_is_allowed_when_asked_for():
    def lit(max_overlap):
        return draw_sprites(n=300, seed=4, counts=(2,), max_overlap=max_overlap).images.any(axis=3).sum()

    assert lit(1.0) < lit(0.5) < lit(0.0)


def test_the_last_object_is_in_front():
    data = draw_sprites(n=200, seed=5, counts=(2,), size=(20, 20), canvas=24, max_overlap=1.0)
    squares = np.flatnonzero(data.labels[:, 1] == SHAPES.index("square"))
    for index in squares:
        x0, y0, width, height = data.boxes[index, 1].astype(int)
        x, y = x0 + width // 2, y0 + height // 2
        middle = data.images[index, y - 3 : y + 3, x - 3 : x + 3]
        assert (middle == middle[0, 0]).all()  # one colour: nothing is painted over it
        assert tuple(middle[0, 0]) in COLOURS.values()


def test_empty_scenes_are_black():
    for rows in (None, 2):
        data = draw_sprites(n=5, seed=0, counts=(0,), max_objects=rows)
        assert not data.images.any()
        assert not data.boxes.any()
        assert (data.labels == -1).all()


def test_splits_differ_and_options_reach_the_drawing():
    scenes = [load("sprites", split=split, n=20) for split in SPLITS]
    assert len({data.images.tobytes() for data in scenes}) == 3
    data = load("sprites", n=5, canvas=64, counts=(4,), size=(8, 10), max_objects=6, max_overlap=0.5)
    assert data.image_shape == (64, 64, 3)
    assert data.boxes.shape == (5, 6, 4)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"n": 0}, "n: 0"),
        ({"seed": -1}, "seed: "),
        ({"size": (20, 60)}, "size: "),
        ({"size": (23, 20)}, "size: "),
        ({"size": (3, 20)}, "size: .*4 pixels or more"),
        ({"counts": ()}, "counts: "),
        ({"counts": (-1, 2)}, "counts: "),
        ({"max_objects": 1}, "max_objects: 1"),
        ({"max_overlap": 1.5}, "max_overlap: 1.5"),
        ({"max_overlap": -0.1}, "max_overlap: -0.1"),
        ({"max_overlap": float("nan")}, "max_overlap: nan"),
        ({"counts": (3,), "canvas": 22, "max_overlap": 0.0}, "counts: 3 objects of 14 to 22 pixels on a canvas of 22"),
    ],
)
def test_impossible_settings_are_refused_by_name(options, line):
    with pytest.raises(AttendError, match=f"^{line}"):
        draw_sprites(**{"n": 5, "seed": 0} | options)


def test_what_is_not_theirs_is_refused():
    with pytest.raises(AttendError, match="sprites: takes no option 'sizes'; it takes canvas, counts, size, max_obj"):
        load("sprites", n=5, sizes=(3, 4))
    for source, options in (("sprites:there", {}), ("sprites", {"download": True})):
        with pytest.raises(AttendError, match=r"sprites: .* neither a path nor download"):
            load(source, n=5, **options)
