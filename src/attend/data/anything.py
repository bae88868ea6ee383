"""Images in whatever form a user of Python has them, by the rules that files are read by."""

import dataclasses
import os
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from attend.data.arrays import as_stack
from attend.data.colours import to_channels
from attend.data.decode import pillow_pixels
from attend.data.ground import polarity
from attend.data.images import read_paths
from attend.data.parts import parts
from attend.data.ranges import robust_range, to_bytes
from attend.data.rules import Rules
from attend.data.scenes_file import SceneData
from attend.data.sources import load
from attend.errors import AttendError

EIGHT_BITS = 64
"""Floats that reach at least this, and no more than 255, are taken for 8-bit values."""

OPTIONS = "attend.data.as_images(images, resize=(H, W)), or crop=(H, W)"

Pixels = UInt8[np.ndarray, "n h w c"] | Float32[np.ndarray, "n h w c"]


class Taken(NamedTuple):
    """Images as arrays, or as a data set if they were read from files, and what was concluded on the way."""

    images: Pixels
    data: SceneData | None = None
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...] | None:
        """File names, where the images are from files."""
        return None if self.data is None else self.data.names


def as_images(images: Any, size: tuple[int, int, int] | None = None, **rules: Any) -> Pixels:
    """`images` as an array (n, H, W, C) of uint8, or of float32 in [0, 1].

    Such an array, or one of grey images without the axis C, is returned as it is. All else is taken by the rules that
    files are read by, and what was concluded is said by a warning of one line:

    - the path of images or of a data set (all that `attend.data.load` takes), or a list of paths;
    - a Pillow image, one array, or a list of them, of several sizes if a rule gives them one;
    - channels first, or with alpha, which fades to black (`attend.data.arrays.as_stack`);
    - booleans and the integers 0 and 1 (black and white), other integers from 0 to 255 and floats that reach from 64 to
      255 (8 bits); of larger numbers the 0.1th percentile of all becomes black and the 99.9th white, in 8 bits, unless
      the rule `range` says which;
    - colours where grey is wanted become luminance (Rec. 601), grey is repeated where colours are wanted.

    Files of dark objects on a light background are inverted; what is in memory is not, unless `ground="light"` says so.

    Args:
        images: the images.
        size: height, width and channels that they must have.
        **rules: of `attend.data.Rules`: `resize`, `crop` or `tile` (height, width), `range`, `ground`, and for files
            `channel` and `project`.

    Raises:
        AttendError: they are no images, can be read in two ways, have several sizes or another one, or pixels are out
            of range or not finite. The line says what to give instead.
    """
    found = taken(images, size, **rules)
    for line in found.notes:
        warnings.warn(line, stacklevel=2)
    return found.images


def taken(images: Any, size: tuple[int, int, int] | None = None, **rules: Any) -> Taken:
    """As `as_images`; names and what was read beside images come with them, and nothing is said."""
    asked = Rules(**rules)
    data, notes = None, ()
    if isinstance(images, SceneData):
        data = images
    elif isinstance(images, str | os.PathLike):
        data = load(os.fspath(images), **rules)
    elif _is_list_of(images, (str, os.PathLike)):
        data = read_paths([os.fspath(path) for path in images], asked)
    if data is not None:
        pixels = data.images
        notes = tuple(data.reading.notes()) if data.reading and data is not images else ()
    else:
        pixels, notes = _from_memory(images, size, asked)
    if not pixels.size:
        raise AttendError("images: there are none; at least one is needed")
    if size is not None:
        found = pixels.shape[1:]
        if found[:2] != size[:2]:
            told, wanted = ("x".join(map(str, shape)) for shape in (found, size))
            raise AttendError(
                f"images: are {told} (height x width x channels); the model knows {wanted}: give {OPTIONS}, or, to "
                "look at larger ones in tiles, use attend.tiling.infer_tiled"
            )
        pixels, said = to_channels(pixels, size[2])
        notes = (*notes, f"images: {said}") if said else notes
    return Taken(pixels, data, notes)


def dark_objects(images: Pixels) -> str | None:
    """A line for images in memory that surely show objects darker than the background, which are left as they are."""
    found = polarity(images)
    if not (found.darker and found.sure):
        return None
    return (
        f"images: objects are darker than the background (confidence {found.confidence:.1f}); arrays are taken as they "
        "are: attend.data.as_images(images, ground='light') inverts them"
    )


def _is_list_of(images: Any, kinds: Any) -> bool:
    return isinstance(images, list | tuple) and len(images) > 0 and all(isinstance(item, kinds) for item in images)


def _from_memory(images: Any, size: tuple[int, int, int] | None, rules: Rules) -> tuple[Pixels, tuple[str, ...]]:
    notes: list[str] = []
    if isinstance(images, Image.Image):
        images, said = pillow_pixels(images)[None], None
    elif _has_several_arrays(images):
        several = [_one(item, number) for number, item in enumerate(images)]
        if rules.resize is rules.crop is rules.tile is None:
            _check_sizes(several, size)
        several = [part.pixels for image in several for part in parts(image, rules)]
        channels = max(image.shape[2] for image in several)
        kinds = {image.dtype for image in several}
        if len(kinds) > 1:
            raise AttendError(f"images: are of {' and '.join(sorted(map(str, kinds)))}; all must be of one type")
        images = np.stack([image.repeat(channels // image.shape[2], axis=2) for image in several])
        said, rules = None, dataclasses.replace(rules, resize=None, crop=None, tile=None)
    else:
        images = _numbers(images)
        images, said = as_stack(images, size)
    notes += [said] if said else []
    if rules.resize or rules.crop or rules.tile:
        images = np.stack([part.pixels for image in images for part in parts(image, rules)])
    images, said = _values(images, rules.range)
    notes += [said] if said else []
    if rules.ground == "light":
        images = 255 - images if images.dtype == np.uint8 else 1 - images
    return images, tuple(notes)


def _has_several_arrays(images: Any) -> bool:
    """Whether images are a list of which no array can be made just so."""
    if not isinstance(images, list | tuple) or not images:
        return False
    if any(isinstance(image, Image.Image) for image in images):
        return True
    shapes = {np.shape(image) for image in images if hasattr(image, "shape")}
    return len(shapes) > 1 or any(len(shape) == 3 and shape[2] == 4 for shape in shapes)


def _one(image: Any, number: int) -> np.ndarray:
    """One picture of a list, (height, width, 1 or 3)."""
    if isinstance(image, Image.Image):
        return pillow_pixels(image)
    array = _numbers(image)
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        return as_stack(array[None])[0][0]
    if array.ndim == 2 and array.size:
        return array[..., None]
    raise AttendError(
        f"images: the one of number {number} has shape {array.shape}; one of a list must be (height, width) or "
        "(height, width, 1 or 3)"
    )


def _check_sizes(images: Sequence[np.ndarray], size: tuple[int, int, int] | None) -> None:
    first = images[0].shape[:2]
    for number, image in enumerate(images):
        if image.shape[:2] != first:
            one, other = (f"{high}x{wide}" for high, wide in (first, image.shape[:2]))
            wanted = "all must have one size" if size is None else f"the model knows {size[0]}x{size[1]}"
            raise AttendError(
                f"images: image 0 is {one} (height x width) but image {number} is {other}; {wanted}: give {OPTIONS}, "
                "or, to train, tile=(H, W)"
            )


def _numbers(images: Any) -> np.ndarray:
    try:
        array = np.asarray(images)
    except Exception as error:  # NumPy's, of lists that are no array; or of whatever has arrays of its own
        raise AttendError(f"images: no array can be made of them ({error})") from error
    if array.dtype.kind not in "buif":
        raise AttendError(f"images: dtype is {array.dtype}; it must be uint8, or float in [0, 1]")
    return array


def _values(images: np.ndarray, bounds: tuple[float, float] | None) -> tuple[Pixels, str | None]:
    """Pixels of any type as uint8, or as float32 in [0, 1], and what was concluded of their type."""
    kind = images.dtype.kind
    if images.dtype == np.uint8:
        return images, None
    if not images.size:
        return images.astype(np.uint8), None
    if kind == "b":
        return images.astype(np.uint8) * 255, "images: are booleans: False becomes black, True white"
    if kind == "f" and not np.isfinite(images).all():
        raise AttendError(f"images: image {_first(~np.isfinite(images))} has a pixel that is NaN or infinite")
    low, high = float(images.min()), float(images.max())
    if bounds is not None:
        return to_bytes(images, bounds), None
    if kind == "f" and low >= 0 and high <= 1:
        return images.astype(np.float32), None
    reach = f"images: {images.dtype}, reach from {low:g} to {high:g}"
    if low >= 0 and kind in "iu" and images.dtype.itemsize > 2 and high <= 255:
        if high <= 1:
            return images.astype(np.uint8) * 255, f"{reach}: 0 becomes black, 1 white"
        return images.astype(np.uint8), f"{reach}: are taken for 8 bits, 0 to 255"
    if low >= 0 and kind == "f" and EIGHT_BITS <= high <= 255 and _mostly_above_one(images):
        return images.astype(np.float32) / np.float32(255), f"{reach}: are taken for 0 to 255"
    if low >= 0 and (kind in "iu" or (high > 255 and _mostly_above_one(images))):
        black, white = robust_range(list(images))
        said = f"{reach}: {black:g} becomes black, {white:g} white; range=(LOW, HIGH) of attend.data.as_images decides"
        return to_bytes(images, (black, white)), said
    raise AttendError(
        f"{reach}; floats must be in [0, 1], or give attend.data.as_images(images, range=(LOW, HIGH)): the values that "
        "become black and white"
    )


def _mostly_above_one(images: np.ndarray) -> bool:
    """Not if it is a few bad pixels that leave [0, 1]."""
    positive = images[images > 0]
    return bool(positive.size) and float(np.mean(positive >= 1)) > 0.5


def _first(bad: np.ndarray) -> int:
    return int(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0])
