"""From the bytes of one image file to its planes: PNG, JPEG, WebP, BMP, GIF, JPEG 2000, TIFF of any kind, `.npy`."""

import logging
import math
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Shaped
from PIL import Image, ImageOps

from attend.data import bioformats
from attend.data.arrays import as_stack
from attend.data.metadata import Metadata, imagej_metadata, ome_metadata
from attend.data.stack import Stack
from attend.errors import AttendError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".jp2", ".tif", ".tiff", ".npy")

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF", "JPEG2000")
"""What Pillow is let at; its decoders of other formats are less looked after."""

MOST_PIXELS = 2**27
"""In one picture, about 134 million: more than any camera takes, and no bomb gets past it."""

MOST_BYTES = 2**32
"""Of all pictures in one file together, decoded."""

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else its remarks on odd files go to stderr


def decode(content: Path | bytes) -> list[Stack]:
    """What a file holds: one plane, most often; frames of a GIF, PNG or WebP; all that a TIFF or a microscope stacks.

    Planes are grey or RGB, and uint8, uint16, or float32 for all else. Single bits become 0 and 255. What is
    transparent is put on black. A photograph is turned as its camera held it. 16-bit colours outside TIFF come out in 8
    bits. The palette of a microscope is left aside, since it says how to show its grey values.

    Args:
        content: the file's path, or the bytes it holds.

    Raises:
        AttendError: it cannot be decoded, is implausibly large, or holds what is no such picture. The line does not
            say which file.
    """
    try:
        if isinstance(content, Path) and bioformats.is_known(content):
            return [_typed(stack) for stack in bioformats.read(content, _check_size)]
        start = _start(content)
        if start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _decode_tiff(content)
        if start == b"\x93NUM":
            return [_decode_npy(content)]
        return list(_decode_with_pillow(content))
    except AttendError:
        raise
    except Exception as error:  # decoders raise anything at all on damaged files
        raise AttendError(f"cannot be read as an image ({error})") from error


def _open(content: Path | bytes) -> Path | BytesIO:
    return BytesIO(content) if isinstance(content, bytes) else content


def _start(content: Path | bytes) -> bytes:
    if isinstance(content, bytes):
        start = content[:4]
    else:
        with open(content, "rb") as file:
            start = file.read(4)
    if not start:
        raise AttendError("cannot be read as an image (it is empty)")
    return start


def _check_size(pictures: int, height: int, width: int, bytes_per_pixel: int) -> None:
    """Raise AttendError when the pictures would be implausibly large; asked before they are decoded."""
    if height * width > MOST_PIXELS:
        raise AttendError(f"is {height}x{width} (height x width); an image must not have over {MOST_PIXELS:,} pixels")
    if pictures * height * width * bytes_per_pixel > MOST_BYTES:
        raise AttendError(f"holds {pictures:,} pictures of {height}x{width}; there must not be over 4 GiB in one file")


def _typed(stack: Stack) -> Stack:
    """Of the types that planes have."""
    pixels = stack.pixels
    if pixels.dtype.kind == "b":
        return stack._replace(pixels=pixels.astype(np.uint8) * 255)
    if pixels.dtype in (np.uint8, np.uint16):
        return stack._replace(pixels=pixels.astype(pixels.dtype.newbyteorder("=")))
    return stack._replace(pixels=_checked(pixels))


def _decode_npy(content: Path | bytes) -> Stack:
    """Images by the axes of `as_stack`; nothing is ever unpickled."""
    if isinstance(content, bytes):
        array = np.load(BytesIO(content), allow_pickle=False)
    else:
        array = np.load(content, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind not in "buif":
        raise AttendError(f"holds pixels of {array.dtype}; they must be numbers")
    if array.nbytes > MOST_BYTES:
        raise AttendError(f"holds an array of shape {array.shape}; there must not be over 4 GiB in one file")
    images, said = as_stack(array)
    _check_size(len(images), images.shape[1], images.shape[2], images.dtype.itemsize * images.shape[3])
    if not images.size:
        raise AttendError(f"holds an array of shape {array.shape}; there must be at least one pixel")
    return _typed(Stack(np.array(images), "N", remark=said if array.ndim > 2 else None))


def _decode_with_pillow(content: Path | bytes) -> Iterator[Stack]:
    with Image.open(_open(content), formats=FORMATS) as image:
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # MPO: one photograph and its previews
        _check_size(frames, image.height, image.width, 4)
        for frame in range(frames):
            image.seek(frame)
            _check_size(frames, image.height, image.width, 4)
            yield Stack(pillow_pixels(image))


def pillow_pixels(image: Image.Image) -> Shaped[np.ndarray, "_height _width _channel"]:
    """One frame, grey or RGB, of 8 bits unless it is grey and of more.

    Raises:
        AttendError: there are pixels that are not finite.
    """
    image.load()
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[..., None]
    if image.mode in ("I", "F"):
        return _checked(np.asarray(image))[..., None]
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(black, image.convert("RGBA")))[..., :3]
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")).reshape(image.height, image.width, -1)


def _decode_tiff(content: Path | bytes) -> list[Stack]:
    with tifffile.TiffFile(_open(content), _multifile=False) as tiff:
        if not tiff.pages:
            raise AttendError("cannot be read as an image (it has no page)")
        series = tiff.series
        for one in series:
            page = one.keyframe
            plain = page.photometric in (*_PLAIN, *_palettes(tiff))
            if not plain and page.bitspersample <= 8:  # palettes, inks, and what is made for video
                return list(_decode_with_pillow(content))
            if not plain or one.dtype is None or one.dtype.kind not in "buif":
                kind = tifffile.PHOTOMETRIC(page.photometric).name
                raise AttendError(f"holds {kind} pixels of {one.dtype}; they must be grey or RGB")
            height, width = page.imagelength, page.imagewidth
            _check_size(math.prod(one.shape) // (height * width), height, width, one.dtype.itemsize)
            if any(len(other.dataoffsets) < math.prod(page.chunked) for other in one.pages if other is not None):
                raise AttendError("cannot be read as an image (strips of it are missing)")  # tifffile makes them black
        known = _metadata(tiff, series)
        try:
            stacks = [_stack(one.asarray(), one, about) for one, about in zip(series, known, strict=True)]
            if tiff.is_ome and series[0].kind != "ome":  # the others may be there or not; each is read by itself
                remark = "OME-TIFF in several files: every page of each is read as an image, whatever its axis"
                stacks = [stack._replace(remark=remark) for stack in stacks]
            return stacks
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
        # Compressed in a way that tifffile knows only beside another library. Pillow knows most of those ways, but
        # not deep colours.
        if any(one.keyframe.bitspersample > 8 and one.keyframe.samplesperpixel > 1 for one in series):
            kind = tifffile.COMPRESSION(series[0].keyframe.compression).name
            raise AttendError(
                f"holds deep colours in {kind} compression; pip install 'attend[microscopy]', or save it without"
            )
        pages = list(_decode_with_pillow(content))
        if len(series) > 1 or len(series[0].axes) < 3 or math.prod(series[0].shape[:-2]) != len(pages):
            return pages
        together = np.stack([page.pixels for page in pages])
        axes = series[0].axes[:-2]
        return [Stack(together.reshape(*series[0].shape[:-2], *together.shape[1:]), axes, *known[0])]


_PLAIN = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE, tifffile.PHOTOMETRIC.RGB)


def _palettes(tiff: tifffile.TiffFile) -> tuple[int, ...]:
    return (tifffile.PHOTOMETRIC.PALETTE,) if tiff.is_imagej or tiff.is_ome else ()


def _metadata(tiff: tifffile.TiffFile, series: list[tifffile.TiffPageSeries]) -> list[Metadata]:
    """Of each series."""
    kind, found = series[0].kind, []
    if kind == "ome":
        found = ome_metadata(tiff.ome_metadata)
    elif kind == "imagej":
        sizes = dict(zip(series[0].axes, series[0].shape, strict=True))
        found = [imagej_metadata(tiff.imagej_metadata or {}, tiff.pages.first.tags, sizes.get("C", 1))]
    return found if len(found) == len(series) else [Metadata()] * len(series)


def _stack(array: np.ndarray, series: tifffile.TiffPageSeries, about: Metadata) -> Stack:
    """The planes of a series, by its axes."""
    page, axes = series.keyframe, series.axes
    if not {"Y", "X"} <= set(axes):
        raise AttendError(f"holds axes {axes}; there must be rows (Y) and columns (X)")
    last = [axes.index(axis) for axis in "YXS" if axis in axes]
    array = array.reshape(series.shape)  # tifffile gives less of a damaged file, as it is
    array = np.moveaxis(array, last, range(-len(last), 0))
    leading = "".join(axis for axis in axes if axis not in "YXS")
    if "S" not in axes:
        array = array[..., None]
    elif "C" not in axes and _samples_are_channels(page, array.shape[-1]):
        array, leading = np.moveaxis(array, -1, 0)[..., None], f"C{leading}"
    return _typed(Stack(_composed(array, page), leading, *about))


def _samples_are_channels(page: tifffile.TiffPage, samples: int) -> bool:
    """Whether the samples of a pixel are channels of a microscope, rather than colours and alpha."""
    most = 4 if page.photometric == tifffile.PHOTOMETRIC.RGB else 1
    return samples > most and not any(page.extrasamples)


def _composed(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Planes as grey or RGB, on black where they have alpha."""
    colours = 3 if page.photometric == tifffile.PHOTOMETRIC.RGB and pixels.shape[-1] > 1 else 1
    extra = pixels.shape[-1] - colours
    if extra not in (0, 1):
        raise AttendError(f"holds {pixels.shape[-1]} samples a pixel; they must be grey or RGB, with alpha or without")
    kind = pixels.dtype
    white = 1.0 if kind.kind == "f" else float(np.iinfo(kind).max) if kind.kind in "ui" else 1.0
    colour = pixels[..., :colours]
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        colour = ~colour if kind.kind == "b" else (white - colour.astype(np.float64)).astype(kind)
    if extra and page.extrasamples[0] == tifffile.EXTRASAMPLE.UNASSALPHA:
        faded = colour * (pixels[..., colours:] / white)
        colour = faded.astype(kind) if kind.kind == "f" else np.round(faded).astype(kind)
    return colour


def _checked(pixels: np.ndarray) -> np.ndarray:
    """As float32, if every pixel is finite."""
    with np.errstate(over="ignore"):
        pixels = pixels.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise AttendError("holds pixels that are NaN or infinite, or beyond single precision")
    return pixels
