import numpy as np
import pytest
from PIL import Image

from attend.data import read_images
from attend.errors import AttendError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def write(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".tif", ".PNG"])
@pytest.mark.parametrize("pixels", [GREY, COLOUR])
def test_lossless_files_give_their_pixels(tmp_path, suffix, pixels):
    data = read_images(write(tmp_path / f"x{suffix}", pixels))
    assert np.array_equal(data.images[0], pixels if pixels.ndim == 3 else pixels[..., None])
    assert data.names == (f"x{suffix}",)
    assert data.counts is None


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_lossy_files_are_read_too(tmp_path, suffix):
    write(tmp_path / f"x{suffix}", np.full((6, 8), 120, np.uint8))
    data = read_images(tmp_path)
    assert data.image_shape == (6, 8, 1)
    assert abs(data.images.astype(int) - 120).max() <= 3


def test_a_folder_is_sorted_and_other_files_are_left_alone(tmp_path):
    for name, value in (("b.png", 2), ("a.png", 1), ("c.png", 3), (".hidden.png", 9)):
        write(tmp_path / name, np.full((3, 4), value, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    data = read_images(tmp_path)
    assert data.names == ("a.png", "b.png", "c.png")
    assert data.images[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_colour_is_told_by_content(tmp_path):
    write(tmp_path / "a.png", np.stack([GREY] * 3, axis=-1))
    write(tmp_path / "b.png", GREY)
    assert read_images(tmp_path).image_shape == (6, 8, 1)
    write(tmp_path / "c.png", COLOUR)
    data = read_images(tmp_path)
    assert data.image_shape == (6, 8, 3)
    assert np.array_equal(data.images[1], np.stack([GREY] * 3, axis=-1))
    assert np.array_equal(data.images[2], COLOUR)


def test_the_transparent_is_black(tmp_path):
    alpha = np.zeros((6, 8), np.uint8)
    alpha[:, :4] = 255
    write(tmp_path / "a.png", np.dstack([COLOUR, alpha]))
    data = read_images(tmp_path / "a.png")
    assert np.array_equal(data.images[0, :, :4], COLOUR[:, :4])
    assert not data.images[0, :, 4:].any()


def test_other_modes_keep_their_grey_levels(tmp_path):
    write(tmp_path / "a16.png", GREY.astype(np.uint16) * 257)
    write(tmp_path / "bits.png", GREY > 100)
    Image.fromarray(COLOUR).quantize(16).save(tmp_path / "palette.png")
    data = read_images(tmp_path)
    assert np.array_equal(data.images[0, ..., 0], GREY)
    assert np.array_equal(data.images[1, ..., 0], np.where(GREY > 100, 255, 0))
    assert np.abs(data.images[2].astype(int) - COLOUR).mean() < 40


def test_files_that_are_no_image_are_named(tmp_path):
    with pytest.raises(AttendError, match=r"holds no image"):
        read_images(tmp_path)
    text = tmp_path / "text.png"
    text.write_text("I am not a picture")
    for path in (text, tmp_path):
        with pytest.raises(AttendError, match=r"text\.png: cannot be read as an image"):
            read_images(path)
    with pytest.raises(AttendError, match=r"absent\.png"):
        read_images(tmp_path / "absent.png")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_a_truncated_image_is_named(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = write(tmp_path / f"cut{suffix}", noise)
    content = path.read_bytes()
    for kept in (0, 20, len(content) // 2):
        path.write_bytes(content[:kept])
        with pytest.raises(AttendError, match=f"cut\\{suffix}: cannot be read as an image"):
            read_images(path)


def test_sizes_must_agree(tmp_path):
    write(tmp_path / "a.png", GREY)
    write(tmp_path / "b.png", GREY[:5])
    with pytest.raises(AttendError, match=r"a\.png is 8x6 pixels but .*b\.png is 8x5"):
        read_images(tmp_path)


def test_several_frames_or_floating_point_are_refused(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(GREY)]
    frames[0].save(tmp_path / "two.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(AttendError, match=r"two\.tif: holds 2 images"):
        read_images(tmp_path / "two.tif")
    write(tmp_path / "float.tif", GREY.astype(np.float32) / 255)
    with pytest.raises(AttendError, match=r"float\.tif: holds floating-point pixels"):
        read_images(tmp_path / "float.tif")
