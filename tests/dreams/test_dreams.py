"""Dreams: the truth about a dream is what was drawn."""

import numpy as np
import pytest
from skimage.measure import regionprops

from attend.dreams import (
    FAMILY,
    SIDE,
    Arrangement,
    CutOuts,
    any_arrangement,
    any_background,
    compose,
    draw_shapes,
    ellipses,
    radii,
    targets,
    universal_example,
)
from attend.dreams.backgrounds import any_texture
from attend.dreams.cutouts import turned_spread
from attend.photometry import NATURAL


def _disc(longer: float = 1.0) -> CutOuts:
    """A disc or, if it is longer than wide, an ellipse of the same area."""
    line = np.arange(SIDE) - (SIDE - 1) / 2
    radius = np.hypot(line[:, None] * np.sqrt(longer), line / np.sqrt(longer)) / 10
    alpha = np.clip((1 - radius) * 10 + 0.5, 0, 1)[None]
    return CutOuts(np.ones_like(alpha), alpha, np.clip(1 - radius, 0, 1)[None], np.array([20.0]), np.array([2.0]))


def test_shapes_have_the_size_and_the_contrast_that_is_said():
    shapes = draw_shapes(np.random.default_rng(0), 20)
    assert len(shapes) == 20 * FAMILY
    areas = (shapes.alpha > 0.5).sum(axis=(1, 2))
    assert np.median(np.sqrt(4 * areas / np.pi)) == pytest.approx(20, rel=0.05)
    inside = shapes.alpha > 0.5
    means = (shapes.value * inside).sum(axis=(1, 2)) / inside.sum(axis=(1, 2))
    np.testing.assert_allclose(means, 1, atol=1e-4)
    assert ((shapes.alpha >= 0) & (shapes.alpha <= 1)).all()


@pytest.mark.parametrize("diameter", [7.0, 14.0, 30.0])
def test_a_cut_out_turns_to_the_size_that_is_asked_for(diameter):
    _, alpha, _ = _disc().turned(0, diameter, 0.7, True, np.array([0.3, -0.2]))
    assert np.sqrt(4 * (alpha > 0.5).sum() / np.pi) == pytest.approx(diameter, rel=0.06)
    rows, columns = np.nonzero(alpha > 0.5)
    middle = len(alpha) // 2
    assert (rows.mean() - middle, columns.mean() - middle) == pytest.approx((0.3, -0.2), abs=0.2)


@pytest.mark.parametrize("overlap", ["hide", "brighter", "add"])
def test_each_object_of_a_dream_is_marked_where_it_is(overlap):
    rng = np.random.default_rng(1)
    arrangement = Arrangement(density=6.0, size_sd=0.0, contrast_sd=0.0, touching=0.0, overlap=overlap)
    dream = compose(rng, _disc(), arrangement, np.zeros((96, 96)))
    lit = dream.image > 0.6
    assert (lit == (dream.owner > 0)).mean() > 0.99
    truth = targets(dream)
    assert truth.heat.shape == (48, 48)
    whole = [k for k in range(1, len(dream.areas)) if (dream.owner == k).sum() == dream.areas[k] > 0]
    assert whole
    for k in whole:
        rows, columns = np.nonzero(dream.owner == k)
        row, column = rows.mean(), columns.mean()
        assert truth.heat[round((row - 0.5) / 2), round((column - 0.5) / 2)] == 1
        pointed = np.stack([rows, columns], 1) + truth.offsets[rows, columns]
        np.testing.assert_allclose(pointed, np.tile([row, column], (len(rows), 1)), atol=1e-4)
        assert dream.areas[k] == pytest.approx(np.pi * (NATURAL / 2) ** 2, rel=0.1)


def test_bright_neighbours_are_parted_halfway():
    arrangement = Arrangement(
        density=30.0, size_sd=0.0, contrast_sd=0.0, touching=1.0, gaps=(0.7, 0.7), overlap="brighter"
    )
    dream = compose(np.random.default_rng(2), _disc(), arrangement, np.zeros((96, 96)))
    areas = np.bincount(dream.owner.ravel(), minlength=len(dream.areas))[1:]
    full = dream.areas[1:]
    assert (areas <= full).all()
    assert 0 < (areas < full).mean() <= 1


def test_long_objects_lie_side_by_side_without_overlap():
    """Two and a half times as long as wide, they come nearer to each other than discs of their size could."""
    arrangement = Arrangement(density=14.0, size_sd=0.0, contrast_sd=0.0, touching=0.8, gaps=(0.5, 1.0), apart=1.0)
    dreams = [compose(np.random.default_rng(seed), _disc(2.5), arrangement, np.zeros((96, 96))) for seed in range(6)]
    own = np.concatenate([np.bincount(one.owner.ravel(), minlength=len(one.areas))[1:] for one in dreams])
    full = np.concatenate([one.areas[1:] for one in dreams])
    middles = np.concatenate([one.middles for one in dreams])
    whole = np.all((middles > 14) & (middles < 96 - 14), axis=1)
    assert whole.sum() > 30
    assert own[whole].sum() > 0.97 * full[whole].sum()
    between = [np.hypot(*(one.middles[:, None] - one.middles[None]).transpose(2, 0, 1)) for one in dreams]
    assert min(one[one > 0].min() for one in between) < 0.8 * NATURAL


def test_ellipses_have_the_moments_of_the_objects():
    """As scikit-image's `regionprops` tells them; a cut-out that is turned has those of its picture."""
    turn = 0.7, True
    _, alpha, _ = _disc(2.0).turned(0, 30.0, *turn, np.zeros(2))
    labels = np.pad((alpha > 0.5).astype(int), ((3, 60), (5, 9)))
    labels[60:70, 2:14] = 2
    centroids, spreads = ellipses(labels)
    for known, centroid, spread in zip(regionprops(labels), centroids, spreads, strict=True):
        assert centroid == pytest.approx(known.centroid)
        lengths, angle = np.array([known.axis_major_length, known.axis_minor_length]), known.orientation
        axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        squares = (lengths / 2) ** 2 + 1 / 3  # its pixels are points, not squares
        np.testing.assert_allclose(radii(spread, axes) ** 2, squares)
    turned = turned_spread(_disc(2.0).spreads(np.array([0]))[0], 30.0, *turn)
    np.testing.assert_allclose(turned, spreads[0], rtol=0.05, atol=1)
    none, _ = ellipses(np.zeros((4, 4), int))
    assert len(none) == 0


def test_own_sizes_and_contrasts_are_those_of_the_cut_outs():
    arrangement = Arrangement(density=3.0, size_sd=0.0, contrast_sd=0.0, touching=0.0, own=True)
    dream = compose(np.random.default_rng(3), _disc(), arrangement, np.zeros((96, 96)))
    assert dream.image.max() == pytest.approx(2, rel=0.01)
    assert dream.areas.max() == pytest.approx(np.pi * 10**2, rel=0.05)


def test_dreams_follow_from_the_seed():
    shapes = draw_shapes(np.random.default_rng(0), 4)
    (one, truth), (other, same) = (universal_example(np.random.default_rng(5), shapes) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    for a, b in zip(truth, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.shape == (96, 96, 2)
    assert np.isfinite(one).all()


def test_arrangements_and_backgrounds_are_of_many_kinds():
    rng = np.random.default_rng(6)
    densities = [any_arrangement(rng).density for _ in range(300)]
    assert min(densities) == 0
    assert max(densities) > 30
    spreads = [any_background(rng, 64).std() for _ in range(100)]
    assert min(spreads) < 0.05 < 0.2 < max(spreads)
    assert all(np.isfinite(any_texture(rng, 64)).all() for _ in range(20))
