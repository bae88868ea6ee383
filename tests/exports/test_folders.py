"""Pictures are read back by Pillow, YOLO's lines by numpy; a folder is there whole or not at all."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageColor

from attend.errors import AttendError
from attend.exports import Results, exports, write_crops, write_overlays, write_yolo
from attend.figures import STEP_COLOURS

NAMES = ("a.png", "deep/b.png", "deep/er/c.tif/1", "d", "e.png", "f.png", "g.png", "h.png")
STEMS = ("a", "deep/b", "deep/er/c.tif/1", "d", "e", "f", "g", "h")


def files(folder):
    return {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()}


def test_yolo_boxes_are_fractions_of_the_picture(make, viewed, tmp_path):
    for name, results in {"plain": make(names=NAMES), "viewed": viewed}.items():
        write_yolo(results, tmp_path / name)
        assert (tmp_path / name / "classes.txt").read_text() == "object\n"
        stems = results.stems()
        assert files(tmp_path / name) == {"classes.txt", *(f"labels/{stem}.txt" for stem in stems)}
        for row, stem in enumerate(stems):
            text = (tmp_path / name / "labels" / f"{stem}.txt").read_text()
            lines = np.array([line.split() for line in text.splitlines()], float).reshape(-1, 5)
            width, height = results.size(row)
            truth = np.array([found.box for found in results.objects(row)]).reshape(-1, 4)
            corners = (lines[:, 1:3] - lines[:, 3:] / 2) * (width, height)
            assert (lines[:, 0] == 0).all()
            np.testing.assert_allclose(corners, truth[:, :2], atol=1e-2)
            np.testing.assert_allclose(lines[:, 3:] * (width, height), truth[:, 2:], atol=1e-2)
    assert tuple(make(names=NAMES).stems()) == STEMS


def test_yolo_has_a_class_for_each_group(make, tmp_path):
    clusters = np.tile(np.array([2, 0, 1]), (8, 1))
    write_yolo(make(clusters=clusters), tmp_path / "yolo")
    assert (tmp_path / "yolo" / "classes.txt").read_text().split() == ["cluster-0", "cluster-1", "cluster-2"]
    lines = (tmp_path / "yolo" / "labels" / "image-3.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["2", "0", "1"]


def test_yolo_never_leaves_the_picture(make, tmp_path):
    scenes = make().scenes
    boxes = np.random.default_rng(0).uniform(-20, 40, scenes.boxes.shape).astype(np.float32)
    boxes[..., 2:] = abs(boxes[..., 2:])
    write_yolo(Results(dataclasses.replace(scenes, boxes=boxes)), tmp_path / "yolo")
    text = "".join(path.read_text() for path in (tmp_path / "yolo" / "labels").iterdir())
    lines = np.array([line.split() for line in text.splitlines()], float)
    assert 0 < len(lines) < scenes.counts.sum()  # some are wholly outside
    assert (lines[:, 3:] > 0).all()
    assert (lines[:, 1:3] - lines[:, 3:] / 2 >= -1e-6).all()
    assert (lines[:, 1:3] + lines[:, 3:] / 2 <= 1 + 1e-6).all()


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_crops_are_the_pixels_that_the_boxes_touch(make, tmp_path, channels, inverted):
    results = make(names=NAMES, channels=channels, inverted=inverted)
    write_crops(results, tmp_path / "crops")
    expected = set()
    for row, stem in enumerate(STEMS):
        pixels = np.round(255 * results.scenes.images[row]).astype(np.uint8)
        pixels = 255 - pixels if inverted else pixels
        for index, (x0, y0, wide, high) in enumerate(results.scenes.boxes[row, : results.scenes.counts[row]]):
            expected.add(f"{stem}-{index + 1}.png")
            with Image.open(tmp_path / "crops" / f"{stem}-{index + 1}.png") as image:
                found = np.asarray(image).reshape(image.height, image.width, channels)
            rows = slice(int(np.floor(y0)), int(np.ceil(y0 + high)))
            assert np.array_equal(found, pixels[rows, int(np.floor(x0)) : int(np.ceil(x0 + wide))])
    assert files(tmp_path / "crops") == expected


def test_a_crop_ends_at_the_border_and_is_none_outside(make, tmp_path):
    scenes = make().scenes
    boxes = np.zeros_like(scenes.boxes)
    boxes[:] = [[-5, -5, 8, 8], [28, 18, 9, 9], [50, 50, 4, 4]]
    write_crops(Results(dataclasses.replace(scenes, boxes=boxes)), tmp_path / "crops")
    sizes = {}
    for path in (tmp_path / "crops").glob("image-3-*.png"):
        with Image.open(path) as image:
            sizes[path.name] = image.size
    assert sizes == {"image-3-1.png": (3, 3), "image-3-2.png": (2, 2)}


def drawn(results, folder):
    """The overlays that are written, as RGB pixels by stem."""
    write_overlays(results, folder)
    return {path.relative_to(folder).with_suffix("").as_posix(): opened(path) for path in folder.rglob("*.png")}


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_overlays_show_the_image_and_without_masks_each_box_in_its_colour(make, tmp_path):
    results = make(names=NAMES, masks=False)
    pictures = drawn(results, tmp_path / "overlays")
    assert set(pictures) == set(STEMS)
    zoom = 26  # 20 pixels become at least 512
    for row, stem in enumerate(STEMS):
        pixels = pictures[stem]
        assert pixels.shape == (20 * zoom, 30 * zoom, 3)
        if results.scenes.counts[row] == 0:
            grey = np.round(255 * results.scenes.images[row, ..., 0]).astype(np.uint8)
            assert np.array_equal(pixels[..., 0], grey.repeat(zoom, 0).repeat(zoom, 1))
        else:
            last = results.scenes.counts[row] - 1  # drawn over all others
            x0, y0, wide, high = (results.scenes.boxes[row, last] * zoom).round().astype(int)
            colour = ImageColor.getrgb(STEP_COLOURS[last])
            edge = pixels[max(y0 - 1, 0) : y0 + 2, x0 + wide // 2]
            assert (edge == colour).all(axis=1).any()
            edge = pixels[y0 + high // 2, max(x0 - 1, 0) : x0 + 2]
            assert (edge == colour).all(axis=1).any()


def test_overlays_outline_the_masks(make, tmp_path):
    """Half of the way around an ellipse is drawn, and next to nothing of the corners of its box."""
    results = make()
    mask = np.zeros_like(results.scenes.masks)
    y, x = (np.mgrid[: mask.shape[2], : mask.shape[3]] + 0.5) / mask.shape[2] * 2 - 1
    mask[:] = np.hypot(x, y) < 0.9
    boxes = np.broadcast_to(np.array([5, 4, 16, 12], np.float32), results.scenes.boxes.shape)
    scenes = dataclasses.replace(results.scenes, masks=mask, boxes=boxes)
    pixels = drawn(dataclasses.replace(results, scenes=scenes), tmp_path / "overlays")["image-1"]
    zoom = len(pixels) / 20
    colour = ImageColor.getrgb(STEP_COLOURS[0])
    angles = np.linspace(0, 2 * np.pi, 200)
    around = np.stack([10 + 0.9 * 6 * np.sin(angles), 13 + 0.9 * 8 * np.cos(angles)], axis=1) * zoom
    near = [(pixels[int(r) - 8 : int(r) + 9, int(c) - 8 : int(c) + 9] == colour).all(axis=2).any() for r, c in around]
    assert all(near)
    corner = pixels[int(4 * zoom) : int(4.8 * zoom), int(19.5 * zoom) : int(20.9 * zoom)]
    assert not (corner == colour).all(axis=2).any()


def test_overlays_of_dim_images_are_stretched(make, tmp_path):
    results = make(masks=False)
    dim = 0.2 + 0.1 * results.scenes.images
    pixels = drawn(Results(dataclasses.replace(results.scenes, images=dim)), tmp_path / "overlays")["image-0"]
    assert pixels.min() == 0
    assert pixels.max() == 255


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (("a.png", "a.jpg"), ["a.png", "a.jpg"]),
        (("a.png", "a.png"), ["a.png-0", "a.png-1"]),
        (("../../a.png", "/b/../c.png"), ["a", "b/c"]),
        (("..", "x\\y.png"), ["image", "x/y"]),
        (("s.tif/1", "s.tif/2"), ["s.tif/1", "s.tif/2"]),
    ],
)
def test_every_image_has_a_path_of_its_own_inside_the_folder(make, tmp_path, names, stems):
    results = make(2, names=names)
    assert results.stems() == stems
    write_yolo(results, tmp_path / "in" / "yolo")
    assert files(tmp_path) == {"in/yolo/classes.txt", *(f"in/yolo/labels/{stem}.txt" for stem in stems)}


@pytest.mark.parametrize("name", ["yolo", "crops", "overlays"])
def test_a_folder_appears_whole_or_not_at_all_and_takes_no_other_place(make, tmp_path, name, monkeypatch):
    export = exports[name]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    for taken, line in {"mine": "is not empty", "file": "is a file"}.items():
        with pytest.raises(AttendError, match=line):
            export.write(make(), tmp_path / taken)
    (tmp_path / "empty").mkdir()
    export.write(make(), tmp_path / "empty")
    assert files(tmp_path / "empty")
    before = files(tmp_path)

    def interrupted(results):
        raise KeyboardInterrupt

    monkeypatch.setattr(Results, "stems", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export.write(make(), tmp_path / "new")
    assert files(tmp_path) == before
    assert not (tmp_path / "new").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "mine"]
