"""The truth of a folder of images, read as it was written."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from attend.data import read_labels, read_truth, truth_beside, truth_of
from attend.errors import AttendError

LABELS = np.zeros((9, 12), np.uint16)
LABELS[1:4, 2:7], LABELS[5:9, 0:2] = 3, 700
BOXES = [[2, 1, 5, 3], [0, 5, 2, 4]]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path


def write(folder, told):
    (folder / "truth.json").write_text(told if isinstance(told, str) else json.dumps(told))


def test_boxes_points_and_counts_are_told_by_name(folder):
    write(
        folder,
        {"a.png": {"count": 2, "boxes": BOXES}, "b.png": {"points": [[3, 4.5]]}, "c.png": {"count": 0, "boxes": []}},
    )
    truth = read_truth(folder)
    assert truth["a.png"].boxes.tolist() == BOXES
    assert truth["a.png"].points is None
    assert truth["a.png"].labels() is None
    assert truth["b.png"].points.tolist() == [[3, 4.5]]
    assert [one.count for one in truth.values()] == [2, 1, 0]
    assert truth["c.png"].boxes.shape == (0, 4)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_label_images_alone_tell_counts_and_boxes(folder, suffix, kind):
    labels = np.minimum(LABELS, 255).astype(kind) if kind == np.uint8 else LABELS
    (folder / "labels").mkdir()
    path = folder / "labels" / f"a{suffix}"
    if suffix == ".png":
        Image.fromarray(labels).save(path)
    else:
        tifffile.imwrite(path, labels)
    ((name, one),) = read_truth(folder).items()
    assert (name, one.count, one.boxes.tolist()) == ("a", 2, BOXES)
    assert np.array_equal(one.labels(), labels)
    write(folder, {"a.jpg": {"count": 5}})
    one = read_truth(folder)["a.jpg"]
    assert (one.count, one.boxes.tolist()) == (5, BOXES)


def test_the_truth_is_found_beside_the_images_from_either_folder(folder):
    assert truth_beside(str(folder)) is None
    write(folder, {"a.png": {"count": 2}})
    assert truth_beside(str(folder)) == (folder / "images", folder)
    assert truth_beside(str(folder / "images")) == (folder / "images", folder)
    assert truth_beside("digits") is None


def test_the_truth_of_a_name_may_lack_its_folders_and_its_suffix(folder):
    write(folder, {"a.png": {"count": 2}, "b": {"count": 3}})
    truth = read_truth(folder)
    assert truth_of("deep/a.png", truth).count == 2
    assert truth_of("b.tif", truth).count == 3
    assert truth_of("c.png", truth) is None


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("{", "truth.json: cannot be read as JSON"),
        ([1], "must be an object with an object for each image's name"),
        ({"a.png": 3}, "must be an object with an object for each image's name"),
        ({}, "holds no truth"),
        ({"a.png": {}}, "a.png: tells nothing"),
        ({"a.png": {"count": -1}}, "a.png: count is -1"),
        ({"a.png": {"count": "2"}}, "a.png: count is '2'"),
        ({"a.png": {"boxes": [[1, 2, 3]]}}, "a.png: boxes must be a list with 4 numbers"),
        ({"a.png": {"points": [[1, None]]}}, "a.png: points must be a list with 2 numbers"),
    ],
)
def test_a_wrong_truth_is_refused_by_field(folder, told, says):
    write(folder, told)
    with pytest.raises(AttendError, match=says):
        read_truth(folder)


def test_a_file_that_is_no_label_image_is_refused(folder):
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    tifffile.imwrite(folder / "b.tif", np.zeros((4, 4), np.float32))
    (folder / "c.png").write_text("hello")
    with pytest.raises(AttendError, match=r"a\.png: is uint8 of shape \(4, 4, 3\); a label image has whole numbers"):
        read_labels(folder / "a.png")
    with pytest.raises(AttendError, match=r"b\.tif: is float32"):
        read_labels(folder / "b.tif")
    with pytest.raises(AttendError, match=r"c\.png: cannot be read"):
        read_labels(folder / "c.png")
