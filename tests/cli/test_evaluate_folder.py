"""`attend evaluate` on images with the truth beside them, and `attend infer` in formats that show masks.

An oracle that reads bright squares off the pixels stands for a model.
"""

import json

import equinox as eqx
import jax
import numpy as np
import pytest
import tifffile
import tiny
from PIL import Image
from scipy import ndimage

from attend.evaluation.images import IMAGE_KEYS
from attend.model import Model, as_float
from attend.scenes import Scenes

SIDE, OBJECTS = 16, 4
CORNERS = {"a.png": [(1, 2), (9, 8)], "b.png": [(4, 4)], "c.png": []}


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    eqx.filter_jit(Model.create)(tiny.model_config(), (SIDE, SIDE, 1), jax.random.key(0)).save(path)
    return path


@pytest.fixture(autouse=True)
def oracle(monkeypatch):
    def infer(self, images, *, names=None, **_):
        boxes = np.zeros((len(images), OBJECTS, 4), np.float32)
        probs = np.zeros((len(images), OBJECTS + 1), np.float32)
        for image, rows, prob in zip(images, boxes, probs, strict=True):
            found = ndimage.find_objects(ndimage.label(image[..., 0] > 100)[0])[:OBJECTS]
            prob[len(found)] = 1
            for row, (y, x) in zip(rows, found, strict=False):
                row[:] = x.start, y.start, x.stop - x.start, y.stop - y.start
        where = np.ones((len(images), OBJECTS, 3), np.float32)
        patches = np.ones((len(images), OBJECTS, 4, 4, 1), np.float32)
        masks = np.ones((len(images), OBJECTS, 4, 4), np.float16)
        seen = as_float(images)
        return Scenes(seen, seen, where, where, where, where, probs, boxes, patches, masks=masks, names=names)

    monkeypatch.setattr(Model, "infer", infer)


def squares(size, corners):
    labels = np.zeros(size, np.uint16)
    for number, (x, y) in enumerate(corners):
        labels[y : y + 5, x : x + 5] = number + 1
    return labels


@pytest.fixture
def folder(tmp_path):
    """Images of squares of 5x5 pixels with their boxes and label images."""
    for name in ("images", "labels"):
        (tmp_path / "data" / name).mkdir(parents=True)
    truth = {}
    for name, corners in CORNERS.items():
        labels = squares((SIDE, SIDE), corners)
        Image.fromarray((200 * (labels > 0)).astype(np.uint8)).save(tmp_path / "data" / "images" / name)
        tifffile.imwrite(tmp_path / "data" / "labels" / name.replace("png", "tif"), labels)
        truth[name] = {"count": len(corners), "boxes": [[x, y, 5, 5] for x, y in corners]}
    write(tmp_path / "data", truth)
    return tmp_path / "data"


def write(folder, truth):
    (folder / "truth.json").write_text(json.dumps(truth))


def test_what_is_all_true_is_perfect(attend, model_file, folder):
    status, out, err = attend("evaluate", model_file, folder, "--json")
    assert status == 0, err
    report = json.loads(out)
    assert tuple(report) == IMAGE_KEYS
    assert (report["images"], report["true_objects"], report["found_objects"]) == (3, 3, 3)
    assert report["count_error"] == 0
    assert report["point_f1"] is None
    for key in ("box_f1", "mask_iou", "mask_ap50", "mask_ap", "interval_coverage"):
        assert report[key] == 1, key
    assert json.loads(attend("evaluate", model_file, folder / "images", "--json")[1]) == report


def test_images_of_any_sizes_and_points_are_measured_in_tiles(attend, model_file, folder):
    corners = [(2, 2), (20, 3), (11, 21)]
    labels = squares((30, 40), corners)
    Image.fromarray((200 * (labels > 0)).astype(np.uint8)).save(folder / "images" / "large.png")
    points = [[x + 2.5, y + 2.5] for x, y in corners]
    write(folder, {"large.png": {"points": [[x + 3, y + 4] for x, y in points]}, "a.png": {"count": 4}})
    status, out, err = attend("evaluate", model_file, folder, "--json", "--tile")
    report = json.loads(out)
    assert status == 0, err
    assert report["point_f1"] == 1
    assert (report["images"], report["true_objects"], report["found_objects"]) == (2, 7, 5)
    assert report["count_error"] == pytest.approx(2 / 7)
    assert report["interval_coverage"] == 0.5
    assert "2 images have no truth and are left out, such as b.png" in err
    report = json.loads(attend("evaluate", model_file, folder, "--json", "--tile", "--distance", "4.9")[1])
    assert report["point_f1"] == 0
    assert "attend: " in attend("evaluate", model_file, folder, "--json")[2]  # not of the model's size


def test_a_table_is_printed(attend, model_file, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = attend("evaluate", model_file, folder)
    assert "F1 of boxes at IoU 0.5" in out
    assert "AP of masks, IoU 0.5 to 0.95" in out
    assert "F1 of centres" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_what_cannot_be_measured_is_refused(refused, model_file, folder):
    assert "distance: is 0; it must be above 0" in refused("evaluate", model_file, folder, "--distance", "0")
    assert "--tile is for a folder images" in refused("evaluate", model_file, "digits", "--tile")
    write(folder, {"other.png": {"count": 1}})
    assert "tells nothing of the images in" in refused("evaluate", model_file, folder)
    write(folder, {"a.png": {"count": -1}})
    assert "truth.json: a.png: count is -1" in refused("evaluate", model_file, folder)


@pytest.mark.parametrize("name", ["labels", "rois", "geojson", "measurements", "counts", "coco"])
def test_formats_are_chosen_by_name(attend, model_file, folder, tmp_path, name):
    suffix = {"measurements": ".csv", "counts": ".csv", "coco": ".json"}.get(name, "")
    out = tmp_path / f"out{suffix}"
    words = ("--format", name, "--pixel-size", "0.5")
    status, _, err = attend("infer", model_file, folder / "images", "--out", out, *words)
    assert status == 0, err
    if name == "labels":
        assert np.array_equal(tifffile.imread(out / "a.tif") > 0, squares((SIDE, SIDE), CORNERS["a.png"]) > 0)
    if name == "measurements":
        header, *rows = out.read_text().splitlines()
        assert [dict(zip(header.split(","), row.split(","), strict=True))["area_um2"] for row in rows] == ["6.25"] * 3
    if name == "counts":
        assert out.read_text().splitlines()[1].startswith("a.png,16,16,2,2,2.0,2,2,")
    if name == "coco":
        assert [one["area"] for one in json.loads(out.read_text())["annotations"]] == [25] * 3


def test_a_pixel_has_a_size(refused, model_file, folder, tmp_path):
    words = ("infer", model_file, folder / "images", "--out", tmp_path / "a.csv", "--pixel-size", "0")
    assert "pixel_size: is 0; it must be above 0, in micrometres" in refused(*words)
