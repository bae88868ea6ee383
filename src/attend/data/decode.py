"""From the bytes of one image file to its pictures: PNG, JPEG, WebP, BMP, and TIFF of any depth and number of pages."""

import logging
import math
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Shaped
from PIL import Image, ImageOps

from attend.errors import AttendError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
"""What Pillow is let at; its decoders of other formats are less looked after."""

MOST_PIXELS = 2**27
"""In one picture, about 134 million: more than any camera takes, and no bomb gets past it."""

MOST_BYTES = 2**32
"""Of all pictures in one file together, decoded."""

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else its remarks on odd files go to stderr


def decode(content: Path | bytes) -> list[Shaped[np.ndarray, "_height _width _channel"]]:
    """The pictures in a file, most often one; every page of a TIFF is one, and every frame of a PNG or WebP.

    They have one channel (grey) or three (RGB), and are uint8, uint16, or float32 for all else. What is transparent
    is put on black. A photograph is turned as its camera held it. 16-bit colours outside TIFF come out in 8 bits.

    Args:
        content: the file's path, or the bytes it holds.

    Raises:
        AttendError: it cannot be decoded, is implausibly large, or holds what is no such picture. The line does not
            say which file.
    """
    try:
        if _starts_as_tiff(content):
            return _decode_tiff(content)
        return list(_decode_with_pillow(content))
    except AttendError:
        raise
    except Exception as error:  # decoders raise anything at all on damaged files
        raise AttendError(f"cannot be read as an image ({error})") from error


def _open(content: Path | bytes) -> Path | BytesIO:
    return BytesIO(content) if isinstance(content, bytes) else content


def _starts_as_tiff(content: Path | bytes) -> bool:
    if isinstance(content, bytes):
        start = content[:4]
    else:
        with open(content, "rb") as file:
            start = file.read(4)
    if not start:
        raise AttendError("cannot be read as an image (it is empty)")
    return start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _check_size(pictures: int, height: int, width: int, bytes_per_pixel: int) -> None:
    """Raise AttendError when the pictures would be implausibly large; asked before they are decoded."""
    if height * width > MOST_PIXELS:
        raise AttendError(f"is {height}x{width} (height x width); an image must not have over {MOST_PIXELS:,} pixels")
    if pictures * height * width * bytes_per_pixel > MOST_BYTES:
        raise AttendError(f"holds {pictures:,} pictures of {height}x{width}; there must not be over 4 GiB in one file")


def _decode_with_pillow(content: Path | bytes) -> Iterator[np.ndarray]:
    with Image.open(_open(content), formats=FORMATS) as image:
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # MPO: one photograph and its previews
        _check_size(frames, image.height, image.width, 4)
        for frame in range(frames):
            image.seek(frame)
            _check_size(frames, image.height, image.width, 4)
            yield _pixels(image)


def _pixels(image: Image.Image) -> np.ndarray:
    """One frame, grey by content or RGB."""
    image.load()
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[..., None]
    if image.mode in ("I", "F"):
        return _checked(np.asarray(image))[..., None]
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        pixels = np.asarray(Image.alpha_composite(black, image.convert("RGBA")))[..., :3]
    else:
        pixels = np.asarray(image.convert("RGB"))
    return _grey_or_colour(pixels)


def _decode_tiff(content: Path | bytes) -> list[np.ndarray]:
    with tifffile.TiffFile(_open(content)) as tiff:
        if not tiff.pages:
            raise AttendError("cannot be read as an image (it has no page)")
        series = tiff.series
        for one in series:
            page = one.keyframe
            plain = page.photometric in (
                tifffile.PHOTOMETRIC.MINISBLACK,
                tifffile.PHOTOMETRIC.MINISWHITE,
                tifffile.PHOTOMETRIC.RGB,
            )
            if not plain and page.bitspersample <= 8:  # palettes, inks, and what is made for video
                return list(_decode_with_pillow(content))
            if not plain or one.dtype is None or one.dtype.kind not in "buif":
                kind = tifffile.PHOTOMETRIC(page.photometric).name
                raise AttendError(f"holds {kind} pixels of {one.dtype}; they must be grey or RGB")
            height, width = page.imagelength, page.imagewidth
            _check_size(math.prod(one.shape) // (height * width), height, width, one.dtype.itemsize)
            if any(len(other.dataoffsets) < math.prod(page.chunked) for other in one.pages if other is not None):
                raise AttendError("cannot be read as an image (strips of it are missing)")  # tifffile makes them black
        try:
            return [picture for one in series for picture in _pages(one)]
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
        # Compressed in a way that tifffile knows only beside another library. Pillow knows most of those ways, but
        # not deep colours.
        if any(one.keyframe.bitspersample > 8 and one.keyframe.samplesperpixel > 1 for one in series):
            kind = tifffile.COMPRESSION(series[0].keyframe.compression).name
            raise AttendError(f"holds deep colours in {kind} compression; pip install imagecodecs, or save it without")
        return list(_decode_with_pillow(content))


def _pages(series: tifffile.TiffPageSeries) -> Iterator[np.ndarray]:
    """The pages of a series, whatever axes it stacks them along."""
    page = series.keyframe
    array, axes = series.asarray().reshape(-1, *page.shape), f"N{page.axes}"
    if "S" in axes:  # the samples of a pixel: colours and alpha
        array = np.moveaxis(array, axes.index("S"), -1)
        axes = axes.replace("S", "")
    else:
        array = array[..., None]
    if not axes.endswith("YX"):
        raise AttendError(f"holds axes {page.axes}; the last must be the rows (Y) and columns (X) of a page")
    for pixels in array.reshape(-1, *array.shape[-3:]):
        yield _composed(pixels, page)


def _composed(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """One page as grey or RGB, on black where it has alpha."""
    colours = 3 if page.photometric == tifffile.PHOTOMETRIC.RGB else 1
    extra = pixels.shape[2] - colours
    if extra not in (0, 1):
        raise AttendError(f"holds {pixels.shape[2]} samples a pixel; they must be grey or RGB, with alpha or without")
    kind = pixels.dtype
    white = 1.0 if kind.kind == "f" else float(np.iinfo(kind).max) if kind.kind in "ui" else 1.0
    colour = pixels[..., :colours]
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        colour = ~colour if kind.kind == "b" else (white - colour.astype(np.float64)).astype(kind)
    if extra and page.extrasamples[0] == tifffile.EXTRASAMPLE.UNASSALPHA:
        faded = colour * (pixels[..., colours:] / white)
        colour = faded.astype(kind) if kind.kind == "f" else np.round(faded).astype(kind)
    if kind.kind == "b":
        return colour.astype(np.uint8) * 255
    if kind == np.uint8:
        return _grey_or_colour(np.ascontiguousarray(colour))
    if kind == np.uint16:
        return _grey_or_colour(colour.astype(np.uint16))  # in the byte order of this machine
    return _grey_or_colour(_checked(colour))


def _checked(pixels: np.ndarray) -> np.ndarray:
    """As float32, if every pixel is finite."""
    with np.errstate(over="ignore"):
        pixels = pixels.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise AttendError("holds pixels that are NaN or infinite, or beyond single precision")
    return pixels


def _grey_or_colour(pixels: np.ndarray) -> np.ndarray:
    grey = (pixels == pixels[..., :1]).all()
    return pixels[..., :1] if grey else pixels
