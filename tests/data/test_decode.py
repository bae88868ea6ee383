"""Files written by Pillow and by tifffile come back as the pixels that were written, and bad ones are named."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from attend.data import Rules
from attend.data import decode as module
from attend.data.stack import pictures as pictures_of
from attend.errors import AttendError

SIDE = st.integers(1, 9)


def decode(content, rules=Rules()):  # noqa: B008
    """The pictures in a file."""
    return [picture for stack in module.decode(content) for picture in pictures_of(stack, rules)]


def pictures(dtype, channels, **elements):
    shape = st.tuples(SIDE, SIDE) if channels == 1 else st.tuples(SIDE, SIDE, st.just(channels))
    return shape.flatmap(lambda shape: arrays.arrays(dtype, shape, **elements))


def as_three_axes(pixels):
    return pixels[..., None] if pixels.ndim == 2 else pixels


def by_pillow(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_tifffile(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def same(found, expected):
    """Equal, where grey may stand for three equal channels."""
    assert found.dtype == expected.dtype
    assert np.array_equal(np.broadcast_to(found, expected.shape), expected)


@given(pixels=pictures(np.uint8, 1) | pictures(np.uint8, 3), kind=st.sampled_from(["PNG", "BMP", "TIFF"]))
def test_lossless_pictures_of_8_bits(pixels, kind):
    (found,) = decode(by_pillow(Image.fromarray(pixels), kind))
    same(found, as_three_axes(pixels))


@given(pixels=pictures(np.uint8, 3))
def test_lossless_webp(pixels):
    (found,) = decode(by_pillow(Image.fromarray(pixels), "WEBP", lossless=True))
    same(found, pixels)


@given(
    value=st.integers(0, 255),
    shape=st.tuples(SIDE, SIDE),
    kind=st.sampled_from(["JPEG", "WEBP"]),
)
def test_lossy_pictures_of_one_grey_are_nearly_that(value, shape, kind):
    (found,) = decode(by_pillow(Image.new("L", shape[::-1], value), kind))
    assert found.shape[:2] == shape
    assert abs(found.astype(int) - value).max() <= 3


@given(pixels=pictures(np.uint8, 4), kind=st.sampled_from(["PNG", "TIFF"]))
def test_alpha_fades_to_black(pixels, kind):
    (found,) = decode(by_pillow(Image.fromarray(pixels), kind))
    faded = pixels[..., :3] * (pixels[..., 3:] / 255)
    assert abs(found - faded).max() <= 1


@given(pixels=pictures(np.uint16, 1))
def test_png_of_16_bits(pixels):
    (found,) = decode(by_pillow(Image.fromarray(pixels), "PNG"))
    same(found, pixels[..., None])


PLAIN = {"elements": {"allow_nan": False, "allow_infinity": False}}


@given(
    pixels=pictures(np.uint16, 1)
    | pictures(np.uint16, 3)
    | pictures(np.float32, 1, **PLAIN)
    | pictures(np.float32, 3, **PLAIN),
    order=st.sampled_from("<>"),
    compression=st.sampled_from([None, "zlib"]),
)
def test_deep_tiff(pixels, order, compression):
    photometric = "minisblack" if pixels.ndim == 2 else "rgb"
    content = by_tifffile(pixels, byteorder=order, compression=compression, photometric=photometric)
    (found,) = decode(content)
    same(found, as_three_axes(pixels))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32, np.float16, np.float64])
def test_tiff_of_other_depths_becomes_single_precision(dtype):
    pixels = np.arange(12).reshape(3, 4).astype(dtype) - (5 if np.dtype(dtype).kind != "u" else 0)
    (found,) = decode(by_tifffile(pixels))
    same(found, pixels[..., None].astype(np.float32))


@given(
    pages=st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, st.tuples(*[st.integers(2, 5)] * 3))
    )
)
def test_every_page_of_a_tiff_is_a_picture(pages):
    found = decode(by_tifffile(pages, photometric="minisblack"))
    assert len(found) == len(pages)
    for one, page in zip(found, pages, strict=True):
        same(one, page[..., None])


def test_pages_written_by_pillow_may_differ_in_size():
    pages = [Image.new("L", size, value) for size, value in (((4, 3), 10), ((5, 2), 20))]
    found = decode(by_pillow(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert [picture.shape for picture in found] == [(3, 4, 1), (2, 5, 1)]
    assert [set(picture.ravel()) for picture in found] == [{10}, {20}]


def test_planes_of_colour_and_stacks_of_any_axes():
    pixels = np.random.default_rng(0).integers(2**16, size=(3, 5, 4), dtype=np.uint16)
    (found,) = decode(by_tifffile(pixels, photometric="rgb", planarconfig="separate"))
    assert np.array_equal(found, np.moveaxis(pixels, 0, -1))
    stack = np.random.default_rng(0).integers(2**16, size=(2, 3, 5, 4), dtype=np.uint16)
    found = decode(by_tifffile(stack, imagej=True, metadata={"axes": "TZYX"}), Rules(project="none"))
    assert np.array_equal(np.stack(found)[..., 0], stack.reshape(6, 5, 4))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_compressed_grey_tiff_needs_no_other_library(compression, dtype):
    pixels = (np.arange(600).reshape(20, 30) % 251).astype(dtype)
    (found,) = decode(by_pillow(Image.fromarray(pixels), "TIFF", compression=compression))
    same(found, pixels[..., None])


def test_transparency_of_deep_tiff_fades_to_black():
    pixels = np.full((2, 2, 4), 60_000, np.uint16)
    pixels[..., 1] = 0
    pixels[..., 3] = [[0, 65535], [65535, 13107]]
    (found,) = decode(by_tifffile(pixels, photometric="rgb", extrasamples=["unassalpha"]))
    assert found[..., 0].tolist() == [[0, 60_000], [60_000, 12_000]]
    assert not found[..., 1].any()


def test_white_may_be_zero():
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    (found,) = decode(by_tifffile(pixels, photometric="miniswhite"))
    same(found, 65535 - pixels[..., None])


def test_a_photograph_is_turned_as_it_was_held():
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise
    (found,) = decode(by_pillow(Image.fromarray(pixels), "JPEG", exif=exif))
    assert found.shape == (32, 16, 1)
    assert (found[:12] > 240).all()
    assert (found[-12:] < 15).all()


def test_palettes_and_single_bits():
    bits = np.random.default_rng(0).random((6, 8)) > 0.5
    for kind in ("PNG", "TIFF"):
        (found,) = decode(by_pillow(Image.fromarray(bits), kind))
        same(found, np.where(bits, np.uint8(255), np.uint8(0))[..., None])
    colours = np.zeros((6, 8, 3), np.uint8)
    colours[:3, :, 0] = 255
    for kind in ("PNG", "TIFF"):
        (found,) = decode(by_pillow(Image.fromarray(colours).quantize(4), kind))
        same(found, colours)


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
WRITTEN = {
    **{kind: by_pillow(Image.fromarray(NOISE), kind) for kind in ("PNG", "JPEG", "BMP", "WEBP", "TIFF")},
    "deep TIFF": by_tifffile(NOISE.astype(np.uint16), photometric="rgb"),
    "deflated TIFF": by_tifffile(NOISE.astype(np.uint16), photometric="rgb", compression="zlib"),
    "LZW TIFF": by_pillow(Image.fromarray(NOISE[..., 0]), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", WRITTEN)
@given(data=st.data())
def test_no_cut_file_is_taken_for_a_picture(kind, data):
    content = WRITTEN[kind]
    kept = data.draw(st.integers(0, len(content) * 9 // 10))
    with pytest.raises(AttendError, match="cannot be read as an image"):
        decode(content[:kept])


@given(content=st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(content):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"\xff\xd8\xff", b"BM", b"RIFF"):
        try:
            found = decode(start + content)
        except AttendError:
            continue
        assert all(picture.ndim == 3 for picture in found)


def png_header(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def test_bombs_and_absurd_sizes_are_refused_before_they_are_decoded(monkeypatch):
    for width, height in ((1_000_000, 1_000_000), (12_000, 12_000), (2_000_000_000, 1)):
        with pytest.raises(AttendError, match=r"an image must not have over|cannot be read as an image .* bomb"):
            decode(png_header(width, height))
    bomb = by_tifffile(np.zeros((1, 50_000), np.uint16), compression="zlib")
    with tifffile.TiffFile(io.BytesIO(bomb)) as tiff:
        tag = tiff.pages[0].tags["ImageLength"]
    absurd = bytearray(bomb)
    absurd[tag.valueoffset : tag.valueoffset + 4] = struct.pack("<I", 50_000)[: 4 if tag.dtype == 4 else 2].ljust(
        4, b"\0"
    )
    with pytest.raises(AttendError, match="is 50000x50000"):
        decode(bytes(absurd))
    monkeypatch.setattr(module, "MOST_BYTES", 10_000)
    with pytest.raises(AttendError, match="holds 30 pictures of 20x20"):
        decode(by_tifffile(np.zeros((30, 20, 20), np.uint8), photometric="minisblack"))


ALPHAS = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"] * 4}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", r"\(it is empty\)"),
        (by_tifffile(np.array([[1.0, np.nan]], np.float32)), "NaN or infinite"),
        (by_tifffile(np.array([[1e300]])), "beyond single precision"),
        (by_tifffile(np.zeros((4, 4), np.complex64)), "complex64"),
        (by_tifffile(np.zeros((4, 4, 5), np.uint16), **ALPHAS), "5 samples"),
        (by_tifffile(np.zeros((4, 4, 4), np.uint16), photometric="separated"), "SEPARATED"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(content, line):
    with pytest.raises(AttendError, match=line):
        decode(content)


def test_a_tiff_that_says_it_is_taller_than_its_strips_is_refused():
    content = bytearray(by_tifffile(NOISE.astype(np.uint16), photometric="rgb", compression="zlib", rowsperstrip=8))
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        place = tiff.pages[0].tags["ImageLength"].valueoffset
    content[place : place + 2] = struct.pack("<H", 80)
    with pytest.raises(AttendError, match="strips of it are missing"):
        decode(bytes(content))


def test_a_file_is_read_as_its_bytes_are(tmp_path):
    for kind, content in WRITTEN.items():
        path = tmp_path / f"{kind}.bin"
        path.write_bytes(content)
        assert np.array_equal(decode(path), decode(content))
    with pytest.raises(AttendError, match="cannot be read as an image"):
        decode(tmp_path / "absent.png")
