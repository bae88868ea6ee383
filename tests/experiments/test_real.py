"""Sets of real images are read with their truth, and other methods are given the same images."""

import json

import numpy as np
import pytest
from discs import discs
from PIL import Image

from attend.errors import AttendError
from attend.evaluation import evaluate_images
from attend.experiments.beads import disagreement
from attend.experiments.real import COUNTS, empty_image, folder_sets, methods, with_otsu


@pytest.fixture
def folder(tmp_path):
    """Two sets: discs in grey with their centres, and two blank images whose count is known by the set's name."""
    rng = np.random.default_rng(0)
    (tmp_path / "discs" / "images").mkdir(parents=True)
    truth = {}
    for number in range(2):
        image, places = discs(rng)
        Image.fromarray(image[..., 0]).save(tmp_path / "discs" / "images" / f"{number}.png")
        truth[f"{number}.png"] = {"count": len(places), "points": (places + 0.5).tolist()}
    (tmp_path / "discs" / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "spheres" / "images").mkdir(parents=True)
    Image.fromarray(np.full((40, 40), 200, np.uint8)).save(tmp_path / "spheres" / "images" / "a.png")
    (tmp_path / "no-set").mkdir()
    return tmp_path


def test_every_folder_of_images_is_a_set_with_what_is_known_of_it(folder):
    known, counted = folder_sets(folder)
    assert (known.name, counted.name) == ("discs", "spheres")
    assert [image.shape for image in known.images] == [(200, 200, 1)] * 2
    assert [truth.count for truth in known.truths] == [25, 25]
    assert known.truths[0].points.shape == (25, 2)
    assert [truth.count for truth in counted.truths] == [COUNTS["spheres"]]
    assert counted.images[0].min() == 200  # light images are not inverted


def test_a_folder_without_sets_is_refused(tmp_path):
    with pytest.raises(AttendError, match="has no folder with images/"):
        folder_sets(tmp_path)


def test_the_other_methods_find_what_is_easy(folder):
    known = folder_sets(folder)[0]
    assert len(methods(known)) == 2
    for method in methods(known).values():
        found = [method(image) for image in known.images]
        assert evaluate_images(zip(found, known.truths, strict=True))["point_f1"] > 0.95
    inverted = 255 - known.images[0]
    assert with_otsu(inverted).count == pytest.approx(25, abs=1)


def test_beads_that_two_methods_find_differently_are_told_by_their_darkness_and_their_distance():
    """Three dark beads, of which either misses one; what the other adds is light, and far from all."""
    image = np.full((60, 80, 1), 200, np.uint8)
    places = np.array([[20.5, 20.5], [28.5, 20.5], [60.5, 40.5]])  # x and y: the first two are beside each other
    for x, y in places.astype(int):
        image[y - 3 : y + 4, x - 3 : x + 4] = 140
    table, figure = disagreement([image], [places], [np.array([[21.0, 21.0], [60.5, 40.5], [70.5, 8.5]])])
    both, ours, theirs = table.rows
    assert both[:2] == ["both", "2"]
    assert (ours[:2], ours[3:]) == (["attend find alone", "1"], ["100%", "100%"])
    assert (theirs[:2], theirs[3:]) == (["trackpy alone", "1"], ["0%", "0%"])
    assert float(ours[2]) > 40 > float(theirs[2])
    assert len(figure.axes) == 2


def test_images_of_nothing_are_what_they_are_called():
    assert np.ptp(empty_image("blank")) == 0
    assert np.ptp(empty_image("gradient")[0].astype(int)) > 150
    assert empty_image("camera").shape == (512, 512, 1)
