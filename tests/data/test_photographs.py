"""Pieces of the photographs that come with scikit-image."""

import sys

import numpy as np
import pytest

from attend.data import bundled_photographs, load, scenery
from attend.data.photographs import SCENERY, SHARES
from attend.data.splits import SPLITS
from attend.errors import AttendError


def test_pieces_are_repeatable_and_differ_between_splits_and_seeds():
    pieces = scenery("train", n=6, side=20, seed=0)
    np.testing.assert_array_equal(pieces, scenery("train", n=6, side=20, seed=0))
    assert (pieces != scenery("test", n=6, side=20, seed=0)).any()
    assert (pieces != scenery("train", n=6, side=20, seed=1)).any()


def test_splits_cut_from_parts_that_share_no_pixel(monkeypatch):
    """Each column of these photographs has a value of its own."""
    columns = {name: np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (60, 200, 3)) for name in SCENERY}
    monkeypatch.setattr("attend.data.photographs.bundled_photographs", lambda: FakeData(columns))
    seen = [scenery(split, n=200, side=10, seed=0) for split in SPLITS]
    for pieces, low, high in zip(seen, SHARES, SHARES[1:], strict=False):
        assert low * 200 <= pieces.min()
        assert pieces.max() < high * 200


class FakeData:
    def __init__(self, images):
        for name, image in images.items():
            setattr(self, name, lambda image=image: image)


def test_digits_stand_before_pieces_of_photographs():
    data = load("digits", n=3, canvas=40, photographs=True)
    assert data.image_shape == (40, 40, 3)
    np.testing.assert_array_equal(data.boxes, load("digits", n=3, canvas=40).boxes)


@pytest.mark.parametrize("split", SPLITS)
def test_scenes_of_the_usual_size_fit_into_every_split(split):
    assert load("digits", split=split, n=2, photographs=True).image_shape == (50, 50, 3)


def test_pieces_larger_than_the_photographs_are_refused():
    with pytest.raises(AttendError, match=r"canvas: is 200; .* for test can have \d+ pixels at most"):
        scenery("test", n=1, side=200, seed=0)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(AttendError, match=r"photographs: come with scikit-image; pip install scikit-image"):
        bundled_photographs()
