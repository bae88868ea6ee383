import numpy as np
import pytest
import tifffile
from PIL import Image

from attend.data import Rules, read_images
from attend.errors import AttendError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def read(source, **rules):
    return read_images(source, Rules(**{"ground": "dark"} | rules))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".tif", ".PNG"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_lossless_files_give_their_pixels(tmp_path, suffix, pixels):
    data = read(write(tmp_path / f"x{suffix}", pixels))
    assert np.array_equal(data.images[0], pixels if pixels.ndim == 3 else pixels[..., None])
    assert data.names == (f"x{suffix}",)
    assert data.views.tolist() == [[0, 0, 8, 6, 8, 6]]
    assert data.counts is None


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_files_are_read_too(tmp_path, suffix):
    write(tmp_path / f"x{suffix}", np.full((6, 8), 120, np.uint8))
    data = read(tmp_path)
    assert data.image_shape == (6, 8, 1)
    assert abs(data.images.astype(int) - 120).max() <= 3


def test_colour_is_told_by_content(tmp_path):
    write(tmp_path / "a.png", np.stack([GREY] * 3, axis=-1))
    write(tmp_path / "b.png", GREY)
    assert read(tmp_path).image_shape == (6, 8, 1)
    write(tmp_path / "c.png", COLOUR)
    data = read(tmp_path)
    assert data.image_shape == (6, 8, 3)
    assert np.array_equal(data.images[1], np.stack([GREY] * 3, axis=-1))
    assert np.array_equal(data.images[2], COLOUR)


def test_sizes_must_agree_unless_a_rule_says_how(tmp_path):
    write(tmp_path / "a.png", GREY)
    write(tmp_path / "b.png", GREY[:5])
    with pytest.raises(AttendError, match=r"a\.png is 8x6 pixels but .*b\.png is 8x5; .*--resize H W, --crop H W or"):
        read(tmp_path)
    assert read(tmp_path, resize=(3, 4)).image_shape == (3, 4, 1)
    assert np.array_equal(read(tmp_path, crop=(5, 6)).images[0, ..., 0], GREY[:5, 1:7])
    with pytest.raises(AttendError, match=r"b\.png: is 5x8 \(height x width\), smaller than --crop 6 6"):
        read(tmp_path, crop=(6, 6))
    with pytest.raises(AttendError, match=r"b\.png: is 5x8 \(height x width\), smaller than --tile 6 6"):
        read(tmp_path, tile=(6, 6))


def test_tiles_are_named_by_their_corner_and_know_their_view(tmp_path):
    write(tmp_path / "a.png", GREY)
    data = read(tmp_path, tile=(3, 3))
    assert data.names == ("a.png/y0-x0", "a.png/y0-x3", "a.png/y3-x0", "a.png/y3-x3")
    for image, (x, y, wide, high, width, height) in zip(data.images[..., 0], data.views, strict=True):
        assert np.array_equal(image, GREY[y : y + high, x : x + wide])
        assert (width, height) == (8, 6)


def test_deep_images_share_one_range_and_images_of_8_bits_keep_theirs(tmp_path):
    write(tmp_path / "a.png", GREY)
    tifffile.imwrite(tmp_path / "b.tif", np.full((6, 8), 1000, np.uint16))
    tifffile.imwrite(tmp_path / "c.tif", np.full((6, 8), 3000, np.uint16))
    data = read(tmp_path)
    assert np.array_equal(data.images[0, ..., 0], GREY)
    assert [set(image.ravel()) for image in data.images[1:]] == [{0}, {255}]
    assert data.reading.rules.range == (1000, 3000)
    data = read(tmp_path, range=(0, 4000))
    assert [set(image.ravel()) for image in data.images[1:]] == [{64}, {191}]
    assert np.array_equal(data.images[0, ..., 0], GREY)


def test_read_by_the_rules_of_another_reading_images_come_out_the_same(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        paper = rng.integers(50_000, 52_000, (9 + number, 10)).astype(np.uint16)
        paper[3:6, 3:6] = 9_000
        tifffile.imwrite(tmp_path / f"{number}.tif", paper)
    whole = read_images(tmp_path, Rules(crop=(8, 8)))
    assert whole.reading.rules.ground == "light"
    assert (whole.images[:, 3, 3] > 200).all()
    for number in range(3):
        alone = read_images(tmp_path / f"{number}.tif", whole.reading.rules.for_inference())
        assert np.array_equal(alone.images[0], whole.images[number])
    notes = whole.reading.notes()
    assert len(notes) == 2
    assert "objects are darker than the background (confidence 1.0): images are inverted" in notes[0]


def test_dark_objects_on_light_ground_are_inverted_unless_told_otherwise(tmp_path):
    ink = np.full((6, 8), 250, np.uint8)
    ink[2:4, 2:4] = 10
    write(tmp_path / "a.png", ink)
    assert np.array_equal(read_images(tmp_path).images[0, ..., 0], 255 - ink)
    assert np.array_equal(read(tmp_path).images[0, ..., 0], ink)
    write(tmp_path / "a.png", 255 - ink)
    data = read_images(tmp_path)
    assert np.array_equal(data.images[0, ..., 0], 255 - ink)
    assert data.reading.rules.ground == "dark"
    assert data.reading.notes() == []
    assert np.array_equal(read(tmp_path, ground="light").images[0, ..., 0], ink)


def test_files_that_are_no_image_are_named(tmp_path):
    with pytest.raises(AttendError, match=r"holds no image"):
        read(tmp_path)
    text = tmp_path / "text.png"
    text.write_text("I am not a picture")
    for path in (text, tmp_path):
        with pytest.raises(AttendError, match=r"text\.png: cannot be read as an image"):
            read(path)
    with pytest.raises(AttendError, match=r"absent\.png: no such file"):
        read(tmp_path / "absent.png")


def test_bad_files_are_skipped_and_counted_or_with_strict_the_end(tmp_path):
    for name in ("a.png", "d.png"):
        write(tmp_path / name, GREY)
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    with pytest.warns(UserWarning, match="skipped") as warned:
        data = read(tmp_path)
    assert data.names == ("a.png", "d.png")
    assert [str(warning.message) for warning in warned] == [f"{line}; skipped" for line in data.reading.skipped]
    assert [line.split(":")[0] for line in data.reading.skipped] == [str(tmp_path / "b.png"), str(tmp_path / "c.png")]
    assert "2 unreadable skipped" in data.reading.notes()[0]
    with pytest.raises(AttendError, match=r"b\.png: cannot be read as an image \(it is empty\)"):
        read(tmp_path, strict=True)
    (tmp_path / "a.png").unlink()
    (tmp_path / "d.png").unlink()
    with pytest.raises(AttendError, match=r"none of 2 files can be read; the first: .*b\.png"):
        read(tmp_path)


def test_a_selection_knows_its_views_and_how_it_was_read(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.png", GREY[:, : 5 + number])
    data = read(tmp_path, crop=(5, 5))
    assert np.array_equal(data[[2, 0]].views, data.views[[2, 0]])
    assert data[1:].reading == data.reading
