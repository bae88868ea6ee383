"""An oracle that sees every tile alone stands for a model: whatever it sees is found once, in pixels of the image."""

import equinox as eqx
import jax
import numpy as np
import pytest
import tiny
from scipy import ndimage

from attend.errors import AttendError
from attend.exports import Results, exports
from attend.model import Model, as_float
from attend.scenes import Scenes
from attend.tiling import infer_tiled, tiles

SIDE, OBJECTS = 32, 12


@pytest.fixture(scope="module")
def model():
    return eqx.filter_jit(Model.create)(tiny.model_config(), (SIDE, SIDE, 1), jax.random.key(0))


@pytest.fixture
def oracle(monkeypatch):
    """Reads off the bright rectangles in a tile, cut off where it ends, as surely as they are bright.

    `shake` moves its boxes by up to so many pixels, differently in every tile.
    """
    settings = {"shake": 0}
    rng = np.random.default_rng(0)

    def infer(self, images, **_):
        boxes = np.zeros((len(images), OBJECTS, 4), np.float32)
        probs = np.zeros((len(images), OBJECTS + 1), np.float32)
        for image, rows, prob in zip(images, boxes, probs, strict=True):
            label = ndimage.label(image[..., 0])[0]
            found = []
            for y, x in ndimage.find_objects(label)[:OBJECTS]:
                box = np.array([x.start, y.start, x.stop - x.start, y.stop - y.start], np.float32)
                found.append((image[y, x].max() / 255, box))
            found.sort(key=lambda pair: -pair[0])
            for row, (_, box) in zip(rows, found, strict=False):
                row[:] = box + np.append(rng.integers(-settings["shake"], settings["shake"] + 1, 2), [0, 0])
            sure = np.array([1, *(bright for bright, _ in found)], np.float32)
            prob[: len(sure)] = sure - np.append(sure[1:], 0)
        where = np.zeros((len(images), OBJECTS, 3), np.float32)
        where[..., 0] = boxes[..., 2] / SIDE
        where[..., 1:] = 2 * (boxes[..., :2] + boxes[..., 2:] / 2) / SIDE - 1
        ones = np.ones((len(images), OBJECTS, 2), np.float32)
        patches = np.ones((len(images), OBJECTS, 4, 4, 1), np.float32)
        sd = np.ones_like(where)
        masks = np.repeat((boxes[..., 2, None, None] / SIDE).astype(np.float16), 4, axis=2).repeat(4, axis=3)
        return Scenes(as_float(images), as_float(images), where, sd, ones, ones, probs, boxes, patches, masks=masks)

    monkeypatch.setattr(Model, "infer", infer)
    return settings


def scattered(height, width, seed, smallest=2, largest=8):
    """Rectangles that do not touch, in pixels from smallest to largest, and their boxes."""
    rng = np.random.default_rng(seed)
    image, boxes = np.zeros((height, width, 1), np.uint8), []
    for _ in range(height * width // 100):
        wide, high = rng.integers(smallest, largest + 1, 2)
        x, y = rng.integers(width - wide + 1), rng.integers(height - high + 1)
        if not image[max(y - 2, 0) : y + high + 2, max(x - 2, 0) : x + wide + 2].any():
            image[y : y + high, x : x + wide] = rng.integers(180, 256)
            boxes.append([x, y, wide, high])
    return image, np.array(boxes)


def in_order(boxes):
    return boxes[np.lexsort(boxes.T)]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 17), (24, 24), (25, 40), (61, 53), (64, 128)])
def test_inner_parts_cover_an_image_once_and_lie_well_inside_their_tiles(height, width):
    grid = tiles((height, width), (16, 12))
    covered = np.zeros((height, width), int)
    for corner, low, high in zip(*grid, strict=True):
        covered[low[1] : high[1], low[0] : high[0]] += 1
        sides = np.array([12, 16])
        assert (corner >= 0).all()
        assert (corner + sides <= (width, height)).all()
        assert ((low - corner >= sides // 4 - 1) | (low == 0)).all()
        assert ((corner + sides - high >= sides // 4 - 1) | (high == (width, height))).all()
    assert (covered == 1).all()


@pytest.mark.parametrize("seed", range(6))
def test_every_object_is_found_once_wherever_it_lies(model, oracle, seed):
    height, width = [(32, 32), (32, 80), (65, 97), (128, 128), (197, 100), (240, 241)][seed]
    image, boxes = scattered(height, width, seed)
    scenes = infer_tiled(model, image[None], names=("a",))
    assert scenes.counts.tolist() == [len(boxes)]
    assert len(boxes) >= height * width // 500
    assert np.array_equal(in_order(scenes.boxes[0]), in_order(boxes))
    assert np.array_equal(scenes.images, as_float(image[None]))
    assert np.array_equal(scenes.reconstructions, as_float(image[None]))
    assert scenes.names == ("a",)
    np.testing.assert_allclose(scenes.masks[0, :, 0, 0] * SIDE, scenes.boxes[0, :, 2], rtol=1e-2)  # each its own


@pytest.mark.parametrize("seed", range(4))
def test_tiles_that_do_not_agree_on_a_place_still_have_one_object(model, oracle, seed):
    image, boxes = scattered(180, 160, seed, smallest=8, largest=10)
    oracle["shake"] = 1
    found = infer_tiled(model, image[None]).boxes[0]
    assert len(found) == len(boxes)
    distances = np.abs(found[:, None, :2] - boxes[:, :2]).max(axis=2)
    assert (distances.min(axis=0) <= 1).all()


def test_where_presence_and_counts_are_those_of_the_whole_image(model, oracle):
    image, _ = scattered(70, 50, 0)
    image[:14, :14] = 0
    image[0:4, 0:4] = 100  # exists with a probability below 1/2
    scenes = infer_tiled(model, image[None])
    x0, y0, wide, high = scenes.boxes[0].T
    np.testing.assert_allclose(scenes.where[0, :, 1], 2 * (x0 + wide / 2) / 50 - 1, atol=1e-5)
    np.testing.assert_allclose(scenes.where[0, :, 2], 2 * (y0 + high / 2) / 70 - 1, atol=1e-5)
    np.testing.assert_allclose(scenes.where[0, :, 0], wide / 50, atol=1e-5)
    np.testing.assert_allclose(scenes.where_sd[0, 0], [SIDE / 50, SIDE / 50, SIDE / 70], rtol=1e-5)
    brightness = [image[int(y), int(x), 0] / 255 for x, y in scenes.boxes[0, :, :2]]
    assert min(brightness) > 0.5
    np.testing.assert_allclose(scenes.presence[0], brightness, atol=1e-5)
    assert (np.diff(scenes.presence[0]) <= 0).all()
    np.testing.assert_allclose(scenes.count_probs.sum(), 1, atol=1e-5)


def test_images_with_different_numbers_of_objects_are_one_result_that_can_be_written(model, oracle, tmp_path):
    images = np.stack([scattered(60, 50, seed)[0] for seed in range(3)])
    images[1] = 0
    scenes = infer_tiled(model, images)
    assert scenes.counts.tolist() == [len(scattered(60, 50, 0)[1]), 0, len(scattered(60, 50, 2)[1])]
    assert not scenes.exists[1].any()
    for name in set(exports):
        path = tmp_path / f"{name}{exports[name].suffix or ''}"
        if name == "geojson-file":
            with pytest.raises(AttendError, match="is a file for 1 image, here are 3"):
                exports[name].write(Results(scenes), path)
        else:
            exports[name].write(Results(scenes), path)


def test_a_model_of_its_own_size_finds_what_it_finds_without_tiles(model):
    images = tiny.images(3, size=(SIDE, SIDE, 1))
    alone, tiled = model.infer(images), infer_tiled(model, images)
    for row in range(3):
        sure = (alone.presence[row] > 0.5) & (alone.boxes[row, :, 2:] > 0).all(axis=1)
        np.testing.assert_allclose(tiled.boxes[row, : tiled.counts[row]], alone.boxes[row, sure], atol=1e-4)
    np.testing.assert_allclose(tiled.reconstructions, alone.reconstructions, atol=1e-5)


def test_what_cannot_be_tiled_is_refused(model):
    with pytest.raises(AttendError, match=r"images: are 31x40 \(height x width\); a tile of this model takes 32x32"):
        infer_tiled(model, np.zeros((1, 31, 40, 1), np.uint8))


def test_images_in_colour_are_tiled_by_a_grey_model_as_their_luminance(model):
    grey = tiny.images(1, size=(40, 40, 1))
    with pytest.warns(UserWarning, match="Rec. 601"):
        found = infer_tiled(model, grey.repeat(3, axis=3))
    assert np.array_equal(found.counts, infer_tiled(model, grey).counts)
    np.testing.assert_allclose(found.images, infer_tiled(model, grey).images, atol=1e-6)
