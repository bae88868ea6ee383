"""Masks, outlines and measurements, each read back by the reader of its own ecosystem."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import roifile
import shapely
import supervision
import tifffile
from skimage.draw import polygon2mask
from skimage.measure import regionprops_table

from attend.errors import AttendError
from attend.exports import Results, StoredResults, exports, measurements
from attend.scenes import Scenes

WITH_MASKS = ("labels", "rois", "geojson", "measurements")


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def painted(results, found):
    width, height = results.size(found.row)
    (x, y), mask = results.mask(found)
    whole = np.zeros((height, width), bool)
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return whole


def drawn(rings, size):
    return np.any([polygon2mask(size, np.asarray(ring)[:, ::-1] - 0.5) for ring in rings], axis=0)


def filled(results, found):
    """The object's pixels with those of its holes, from its outlines."""
    width, height = results.size(found.row)
    return drawn(results.contours(found), (height, width))


@pytest.fixture(params=["whole", "viewed"])
def results(request, make):
    if request.param == "whole":
        return make(8, names=tuple(f"{i}.png" for i in range(8)))
    view = [7, 3, 46, 34, 60, 40]
    return make(8, names=tuple(f"{i}.png" for i in range(8)), views=np.tile(np.array(view, np.int64), (8, 1)))


def repeated(scenes, times):
    """The fields of the objects, of which there are so many times as many."""
    others = ("images", "reconstructions", "count_probs")
    return {name: np.repeat(array, times, axis=1) for name, array in scenes.arrays().items() if name not in others}


def objects(results):
    return [found for row in range(len(results.scenes)) for found in results.objects(row)]


def test_label_images_have_every_object_by_its_number(results, tmp_path):
    exports["labels"].write(results, tmp_path / "labels")
    for row in range(8):
        labels = tifffile.imread(tmp_path / "labels" / f"{row}.tif")
        width, height = results.size(row)
        assert labels.dtype == np.uint16
        assert labels.shape == (height, width)
        expected = np.zeros(labels.shape, int)
        for found in reversed(list(results.objects(row))):
            expected[painted(results, found)] = found.index + 1
        assert np.array_equal(labels, expected)
    rows = table(tmp_path / "labels" / "presence.csv")
    assert [(row["image"], int(row["label"])) for row in rows] == [
        (f"{found.row}.png", found.index + 1) for found in objects(results)
    ]
    assert [float(row["presence"]) for row in rows] == pytest.approx(
        [found.presence for found in objects(results)], abs=1e-5
    )


def test_more_objects_than_16_bits_can_tell_have_32(tmp_path):
    n = 65_536
    boxes = np.stack([np.arange(n) % 256, np.arange(n) // 256, np.ones(n), np.ones(n)], axis=1).astype(np.float32)[None]
    one, none = np.zeros((1, 256, 256, 1), np.float32), np.zeros((1, n, 0), np.float32)
    probs = np.append(np.zeros((1, n), np.float32), np.ones((1, 1), np.float32), axis=1)
    patches, masks = np.zeros((1, n, 0, 0, 1), np.float32), np.ones((1, n, 1, 1), np.float16)
    scenes = Scenes(one, one, none, none, none, none, probs, boxes, patches, masks=masks)
    exports["labels"].write(Results(scenes, pixel_size=0.5), tmp_path / "labels")
    with tifffile.TiffFile(tmp_path / "labels" / "image-0.tif") as file:
        assert file.pages[0].dtype == np.uint32
        assert np.array_equal(file.asarray().ravel(), np.arange(n) + 1)
        assert file.pages[0].tags["XResolution"].value == (20_000, 1)  # pixels a centimetre


def test_rois_hold_the_pixels_of_their_objects(results, tmp_path):
    exports["rois"].write(results, tmp_path / "rois")
    for row in range(8):
        width, height = results.size(row)
        path = tmp_path / "rois" / f"{row}.zip"
        rois = {} if not results.counts[row] else {roi.name: roi for roi in roifile.roiread(path)}
        for found in results.objects(row):
            name = f"{found.index + 1:04}"
            parts = [roi for key, roi in rois.items() if key.partition("-")[0] == name]
            assert len(parts) == len(results.contours(found)) >= 1
            assert np.array_equal(drawn([roi.coordinates() for roi in parts], (height, width)), filled(results, found))
            assert all(float(roi.properties["presence"]) == pytest.approx(found.presence, abs=1e-5) for roi in parts)


def test_geojson_has_a_valid_polygon_for_every_object(results, tmp_path):
    exports["geojson"].write(results, tmp_path / "outlines")
    for row in range(8):
        width, height = results.size(row)
        path = tmp_path / "outlines" / f"{row}.geojson"
        features = json.loads(path.read_text())["features"]
        shapes = shapely.get_parts(shapely.from_geojson(path.read_text())) if features else []
        assert len(features) == len(shapes) == results.counts[row]
        for found, feature, shape in zip(results.objects(row), features, shapes, strict=True):
            assert shape.is_valid
            rings = [part.exterior.coords for part in shapely.get_parts(shape)]
            different = drawn(rings, (height, width)) != filled(results, found)
            assert different.sum() <= 1  # coordinates are rounded to a thousandth of a pixel
            assert feature["properties"]["objectType"] == "detection"
            assert feature["properties"]["name"] == str(found.index + 1)
            assert feature["properties"]["measurements"] == {"presence": pytest.approx(found.presence, abs=1e-5)}


def test_one_image_may_be_one_geojson_file_and_more_may_not(make, tmp_path):
    one = make(8)
    one = Results(one.scenes[3])
    exports["geojson-file"].write(one, tmp_path / "one.geojson")
    exports["geojson"].write(one, tmp_path / "folder")
    assert (tmp_path / "one.geojson").read_text() == (tmp_path / "folder" / "image-0.geojson").read_text()
    with pytest.raises(AttendError, match=r"two.geojson: is a file for 1 image, here are 2; give --out .*two --format"):
        exports["geojson-file"].write(make(2), tmp_path / "two.geojson")
    assert not (tmp_path / "two.geojson").exists()


def test_measurements_are_those_that_scikit_image_makes_of_the_label_images(results, tmp_path):
    exports["labels"].write(results, tmp_path / "labels")
    exports["measurements"].write(dataclasses.replace(results, pixel_size=0.5), tmp_path / "found.csv")
    rows = table(tmp_path / "found.csv")
    assert [(row["image"], int(row["label"])) for row in rows] == [
        (f"{found.row}.png", found.index + 1) for found in objects(results)
    ]
    assert [float(row["presence"]) for row in rows] == pytest.approx(
        [found.presence for found in objects(results)], abs=1e-5
    )
    names = ("label", "area", "bbox", "centroid", "eccentricity", "solidity", "axis_major_length")
    for image in range(8):
        labels = tifffile.imread(tmp_path / "labels" / f"{image}.tif")
        expected = regionprops_table(labels, properties=names)
        mine = {int(row["label"]): row for row in rows if row["image"] == f"{image}.png"}
        assert set(np.unique(labels)) - {0} == {label for label, row in mine.items() if float(row["area"])}
        for index, label in enumerate(expected["label"]):
            row = mine[label]
            for name, values in expected.items():
                assert float(row[name]) == pytest.approx(values[index], abs=1e-5), name
            assert float(row["area_um2"]) == pytest.approx(float(row["area"]) / 4)
            assert float(row["axis_major_length_um"]) == pytest.approx(float(row["axis_major_length"]) / 2, abs=1e-5)
            assert float(row["centroid-1_um"]) == pytest.approx(float(row["centroid-1"]) / 2, abs=1e-5)


def test_intensities_are_those_that_the_user_knows(make):
    results = make(8, channels=3)
    columns, labels = measurements(results, 7), results.labels(7)
    for index, label in enumerate(columns["label"]):
        expected = results.scenes.images[7][labels == label].mean(axis=0)
        assert [columns[f"intensity_mean-{c}"][index] for c in range(3)] == pytest.approx(expected.tolist(), abs=1e-5)
    inverted = measurements(dataclasses.replace(results, inverted=True), 7)
    mean, other = (np.array(each["intensity_mean-1"]) for each in (columns, inverted))
    np.testing.assert_allclose(mean + other, 1, atol=1e-5)


def test_a_hidden_object_has_a_row_of_its_own(make):
    scenes = make(4).scenes
    boxes = np.tile(np.array([2, 2, 10, 10], np.float32), (4, 3, 1))
    hidden = dataclasses.replace(scenes, boxes=boxes, masks=np.ones((4, 3, 5, 5), np.float16))
    columns = measurements(Results(hidden), 3)
    assert columns["label"] == [1, 2, 3]
    assert columns["area"] == [100, 0, 0]
    assert columns["solidity"][1:] == [None, None]


def test_counts_have_intervals_and_densities(results, tmp_path):
    exports["counts"].write(results, tmp_path / "counts.csv")
    exports["counts"].write(dataclasses.replace(results, pixel_size=2.0), tmp_path / "sized.csv")
    rows, sized = table(tmp_path / "counts.csv"), table(tmp_path / "sized.csv")
    x0, y0, x1, y1 = results.seen(0)
    for row, (one, other) in enumerate(zip(rows, sized, strict=True)):
        count = results.counts[row]
        assert (one["image"], int(one["count"]), int(one["listed"])) == (f"{row}.png", count, count)
        assert (int(one["width"]), int(one["height"])) == results.size(row)
        assert float(one["expected_count"]) == pytest.approx(results.scenes.expected_counts[row], abs=1e-4)
        assert [int(one["count_low"]), int(one["count_high"])] == results.scenes.count_interval(0.9)[row].tolist()
        assert float(one["density_per_megapixel"]) == pytest.approx(count * 1e6 / ((x1 - x0) * (y1 - y0)), abs=1e-3)
        assert one["density_per_mm2"] == ""
        assert float(other["density_per_mm2"]) == pytest.approx(float(one["density_per_megapixel"]) / 4, rel=1e-4)


def test_objects_that_others_hide_are_counted_and_not_listed(make, tmp_path):
    """q tells of three objects, of which two are expected to exist, and counts three: one is hidden."""
    scenes = make(2).scenes
    each = np.zeros(scenes.boxes.shape[:2], np.float32)
    each[:, :3] = 0.9, 0.8, 0.4
    probs = np.zeros_like(scenes.count_probs)
    probs[:, 3] = 1
    hidden = Results(dataclasses.replace(scenes, each_presence=each, count_probs=probs))
    exports["counts"].write(hidden, tmp_path / "counts.csv")
    assert [(row["count"], row["listed"]) for row in table(tmp_path / "counts.csv")] == [("3", "2")] * 2
    assert [len(list(hidden.objects(row))) for row in range(2)] == [2, 2]
    assert [found.presence for found in hidden.objects(0)] == pytest.approx([0.9, 0.8])
    assert hidden.scenes.labels(0).max() <= 2


@pytest.mark.parametrize("name", WITH_MASKS)
def test_scenes_without_masks_are_refused_and_leave_nothing(make, tmp_path, name):
    with pytest.raises(AttendError, match="masks: these scenes have none"):
        exports[name].write(make(masks=False), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name in exports if name not in ("npz", "geojson-file")])
def test_images_of_several_sizes_are_written_by_every_format_but_npz(make, tmp_path, name):
    first = make(4)
    scenes = make(1, seed=3).scenes
    images = np.zeros((1, 50, 40, 1), np.float32)
    fields = repeated(scenes, 3)
    probs = np.eye(10, dtype=np.float32)[[9]]
    other = dataclasses.replace(scenes, images=images, reconstructions=images, count_probs=probs, **fields)
    stored = StoredResults(tmp_path / "pieces", pixels=exports[name].pixels, masks=exports[name].masks, pixel_size=0.5)
    stored.put(first)
    stored.put(Results(other))
    exports[name].write(stored, tmp_path / "out")
    assert [piece.pixel_size for piece in stored.pieces()] == [0.5, 0.5]
    if name == "labels":
        assert tifffile.imread(tmp_path / "out" / "image-4.tif").shape == (50, 40)
    if name in ("csv", "measurements"):
        assert [row["image"] for row in table(tmp_path / "out")].count("image-4") == 9


@pytest.mark.parametrize(("sizes", "known"), [((0.5, 0.25), [0.5, 0.25]), ((0.5, None), [None, None])])
def test_stored_pieces_have_the_pixel_sizes_of_their_files_if_all_have_one(make, tmp_path, sizes, known):
    stored = StoredResults(tmp_path / "pieces", pixels=True)
    for size in sizes:
        stored.put(dataclasses.replace(make(2), pixel_size=size))
        stored.put(None)
    assert [piece.pixel_size for piece in stored.pieces()] == known
    given = StoredResults(tmp_path / "pieces", pixels=True, pixel_size=2.0)
    assert [piece.pixel_size for piece in given.pieces()] == [2.0, 2.0]


def test_npz_refuses_images_of_several_sizes_and_makes_room_for_the_most_objects(make, tmp_path):
    first, scenes = make(4), make(2, seed=3).scenes
    fields = repeated(scenes, 2)
    probs = np.eye(7, dtype=np.float32)[[6, 2]]
    many = dataclasses.replace(scenes, count_probs=probs, **fields)
    for order in ([first, Results(many)], [Results(many), first]):
        stored = StoredResults(tmp_path / f"pieces-{order[0] is first}", pixels=True)
        for piece in order:
            stored.put(piece)
        exports["npz"].write(stored, tmp_path / "found.npz")
        assert Scenes.from_npz(tmp_path / "found.npz") == Scenes.concatenate([piece.scenes for piece in order])
    large = dataclasses.replace(many, images=np.zeros((2, 5, 6, 1), np.float32))
    stored.put(Results(large))
    with pytest.raises(AttendError, match=r"other.npz: .npz keeps images of one size; image-6 is 5x6x1 and .* 20x30x1"):
        exports["npz"].write(stored, tmp_path / "other.npz")
    assert not (tmp_path / "other.npz").exists()


def test_supervision_has_boxes_masks_and_presence(results):
    scenes = results.scenes
    found = scenes.to_supervision(3)
    assert isinstance(found, supervision.Detections)
    assert len(found) == scenes.counts[3] == 3
    np.testing.assert_allclose(found.xyxy[:, 2:] - found.xyxy[:, :2], scenes.boxes[3, :, 2:], rtol=1e-5)
    np.testing.assert_allclose(found.confidence, scenes.presence[3], rtol=1e-5)
    assert found.mask.shape == (3, 20, 30)
    assert (found.area == found.mask.sum(axis=(1, 2))).all()
    assert len(scenes[:1].to_supervision()) == 0
    with pytest.raises(AttendError, match="there are 8 scenes; give the row"):
        scenes.to_supervision()
