import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from attend.data import Rules, load, open_stream, to_channels

COLOURS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3)))


@given(images=COLOURS)
def test_luminance_is_that_of_pillow_and_of_floats(images):
    grey, said = to_channels(images, 1)
    assert "Rec. 601" in said
    for one, image in zip(grey[..., 0].astype(int), images, strict=True):
        assert abs(one - np.asarray(Image.fromarray(image).convert("L")).astype(int)).max() <= 1
    exact = images @ np.array([0.299, 0.587, 0.114])
    assert abs(grey[..., 0] - exact).max() <= 0.5 + 1e-9
    floats, _ = to_channels(images.astype(np.float32) / 255, 1)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats[..., 0] * 255, exact, atol=1e-3)


@given(images=COLOURS)
def test_grey_is_repeated_and_comes_back(images):
    grey = images[..., :1]
    colour, said = to_channels(grey, 3)
    assert "repeated" in said
    assert np.array_equal(colour, np.concatenate([grey] * 3, axis=3))
    assert np.array_equal(to_channels(colour, 1)[0], grey)
    assert to_channels(images, 3) == (images, None)


def write_each(folder):
    """The photograph of a camera, a palette, and inks, all of one picture; and one that is grey."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(256, size=(6, 8, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3
    image.rotate(180).save(folder / "camera.jpg", exif=exif, quality=95, subsampling=0)
    image.quantize(48).save(folder / "palette.png")
    image.convert("CMYK").save(folder / "inks.tif")
    image.convert("L").save(folder / "grey.png")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stream_has_the_channels_of_its_model_with_one_note(tmp_path, monkeypatch, channels):
    monkeypatch.setattr("attend.data.stream.PIECE", 1)
    write_each(tmp_path)
    pieces = [piece.data for piece in open_stream(tmp_path, (6, 8, channels), rules=Rules(ground="dark")).pieces()]
    assert {data.images.shape[1:] for data in pieces} == {(6, 8, channels)}
    assert len(pieces) == 4
    assert len({note for data in pieces for note in data.reading.notes()}) == 1
    whole = to_channels(load(tmp_path, ground="dark").images, channels)[0]
    assert np.array_equal(np.concatenate([data.images for data in pieces]), whole)
    if channels == 1:
        first = whole[1].astype(int)
        assert abs(whole - first).mean() < 40  # the same picture, not turned and not negated
