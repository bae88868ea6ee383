import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, strategies
from matplotlib.patches import Rectangle
from PIL import Image

from attend.errors import AttendError
from attend.figures import (
    FORMATS,
    clusters_figure,
    counts_figure,
    curves_figure,
    reliability_figure,
    samples_figure,
    save_figure,
    scenes_figure,
    varied_rows,
)
from attend.scenes import Scenes


def make_scenes(counts, objects=3, channels=1):
    rng = np.random.default_rng(0)
    batch = len(counts)

    def draw(*shape):
        return rng.random((batch, *shape), dtype=np.float32)

    return Scenes(
        images=draw(20, 30, channels),
        reconstructions=draw(20, 30, channels),
        where=draw(objects, 3),
        where_sd=draw(objects, 3),
        what=draw(objects, 5),
        what_sd=draw(objects, 5),
        count_probs=np.eye(objects + 1, dtype=np.float32)[list(counts)],
        boxes=draw(objects, 4) * 10 + 1,
        patches=draw(objects, 8, 8, channels),
    )


def rectangles(axes):
    return [p for p in axes.patches if isinstance(p, Rectangle)]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_row_shows_as_many_boxes_and_patches_as_its_count(channels):
    scenes = make_scenes([0, 2, 1], channels=channels)
    grid = np.array(scenes_figure(scenes).axes).reshape(3, -1)
    for row, count in enumerate([0, 2, 1]):
        drawn = rectangles(grid[row, 0])
        assert len(drawn) == count
        for box, truth in zip(drawn, scenes.boxes[row], strict=False):
            np.testing.assert_allclose((*box.get_xy(), box.get_width(), box.get_height()), truth)
        assert sum(len(axes.images) for axes in grid[row]) == 2 + count
        heights = [bar.get_height() for bar in rectangles(grid[row, 2])]
        np.testing.assert_allclose(heights, scenes.count_probs[row])
        assert grid[row, 0].images[0].get_extent() == [0, 30, 20, 0]  # boxes and pixel edges coincide


def test_no_more_rows_than_the_limit():
    assert len(scenes_figure(make_scenes([1] * 5), limit=2).axes) == 2 * 4
    assert len(scenes_figure(make_scenes([0])).axes) == 3


def test_samples_are_titled_with_their_counts():
    figure = samples_figure(make_scenes([0] * 5).images, np.arange(5))
    assert [axes.get_title() for axes in figure.axes if axes.images] == [f"n = {n}" for n in range(5)]


def test_curves_skip_what_was_not_measured():
    rows = [{"step": 100, "elbo": -5.0}, {"step": 200, "elbo": 3.0, "count_accuracy": 0.5}]
    elbo, accuracy = curves_figure(rows).axes
    np.testing.assert_array_equal(elbo.lines[0].get_xydata(), [[100, -5], [200, 3]])
    np.testing.assert_array_equal(accuracy.lines[0].get_xydata(), [[200, 0.5]])
    assert len(curves_figure(rows[:1]).axes) == 1


def test_counts_are_bars_side_by_side():
    shares = {"found": np.array([0.2, 0.8]), "true": np.array([0.5, 0.5])}
    (axes,) = counts_figure(shares).axes
    bars = rectangles(axes)
    assert [bar.get_height() for bar in bars] == [0.2, 0.8, 0.5, 0.5]
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))


def test_reliability_is_drawn_where_there_are_scenes():
    above, below = reliability_figure(np.array([0, 0.5, 0.9]), np.array([0, 0.7, 0.8]), np.array([0, 1, 3])).axes
    np.testing.assert_array_equal(above.lines[1].get_xydata(), [[0.5, 0.7], [0.9, 0.8]])
    assert [bar.get_height() for bar in rectangles(below)] == [0, 1, 3]
    assert above.get_title(loc="left").endswith("0.1250")


def test_a_row_of_the_contact_sheet_is_a_group():
    rng = np.random.default_rng(0)
    groups = [[rng.random((4 + i, 5, channels)) for i in range(n)] for n, channels in ((3, 1), (1, 3), (2, 1))]
    grid = np.array(clusters_figure(groups, ["a: 30", "b: 20", "c: 10"]).axes).reshape(3, 3)
    for row, pictures, title in zip(grid, groups, ["a: 30", "b: 20", "c: 10"], strict=True):
        assert [text.get_text() for text in row[0].texts] == [title]
        shown = [axes.images[0].get_array() for axes in row if axes.images]
        for found, picture in zip(shown, pictures, strict=True):
            assert np.array_equal(found.reshape(picture.shape), picture)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: scenes_figure(make_scenes([1])[:0]),
        lambda: clusters_figure([], []),
        lambda: samples_figure(np.zeros((0, 5, 5, 1)), np.zeros(0, int)),
        lambda: curves_figure([{"step": 1}]),
    ],
)
def test_nothing_to_draw_is_an_error(draw):
    with pytest.raises(AttendError):
        draw()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_written(tmp_path, kind):
    path = tmp_path / f"figure.{kind}"
    save_figure(curves_figure([{"step": 1, "elbo": 0.0}]), path)
    assert [path] == list(tmp_path.iterdir())
    if kind not in ("pdf", "svg"):
        Image.open(path).load()


@pytest.mark.parametrize("name", ["figure.bmp", "figure", "figure.txt"])
def test_other_suffixes_are_refused_naming_the_right_ones(tmp_path, name):
    with pytest.raises(AttendError, match=r"\.png, \.pdf, \.svg, \.jpg, \.webp"):
        save_figure(curves_figure([{"step": 1, "elbo": 0.0}]), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_pyplot_is_never_imported():
    check = "import sys, attend.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


@given(strategies.lists(strategies.integers(0, 3), min_size=1, max_size=30), strategies.integers(1, 10))
def test_scenes_to_show_have_objects_of_every_number_and_one_is_empty(counts, most):
    counts = np.array(counts)
    rows = varied_rows(counts, most)
    assert len(set(rows)) == len(rows) == min(most, len(counts))
    if len(counts) <= most:
        assert rows == sorted(rows)
        return
    shown = counts[rows]
    filled = int((counts > 0).sum())
    empty = len(counts) - filled
    room = most - (empty > 0 and most > 1)
    assert (shown > 0).sum() == min(room, filled)
    assert not (shown[: min(room, filled)] == 0).any()  # the empty ones are last
    kinds = set(counts[counts > 0])
    assert len(set(shown[shown > 0])) == min(len(kinds), room)
