"""Read images from files: one, a folder, a pattern, a list, or a Hugging Face data set."""

import dataclasses
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from attend.data.colours import to_channels
from attend.data.entries import Entries, Entry, entries
from attend.data.ground import polarity
from attend.data.pictures import Picture, decoded
from attend.data.ranges import robust_range, to_bytes
from attend.data.rules import Reading, Rules
from attend.data.scenes_file import SceneData
from attend.errors import AttendError


def read_images(source: str | Path, rules: Rules = Rules(), *, split: str = "train") -> SceneData:  # noqa: B008
    """The images of files, in order of their paths.

    They come out grey if all of them are (red = green = blue everywhere), else as RGB. What is transparent is put on
    black. Frames of a file are images of their own, called `FILE/1`, `FILE/2` and so on, and so are tiles, called
    `FILE/yY-xX` by their corner. Of several channels one is read, and planes along z are put together, as the rules
    say. All become 8 bits a channel: 8-bit files keep their values, the range of all others together, 16-bit or
    floating-point, is told from their pixels unless the rules give it. `reading` of the result says what was done.

    Args:
        source: as of `entries`.
        rules: how to give the images one size and one range.
        split: of a Hugging Face data set with several.

    Raises:
        AttendError: there is no image, they differ in size and no rule says what to do, an image is too small for the
            rule, or a file cannot be read and it is the only one or the rules are strict. The line names the file.
    """
    return _read(str(source), entries(str(source), split), rules)


def read_paths(paths: Sequence[str], rules: Rules = Rules()) -> SceneData:  # noqa: B008
    """The images of these files, in this order and called by these paths; as of `read_images`."""

    def at(index: int) -> Entry:
        return Entry(paths[index], paths[index], Path(paths[index]))

    return _read("images", Entries(len(paths), at, paths), rules)


def _read(source: str, files: Entries, rules: Rules) -> SceneData:
    pictures: list[Picture] = []
    skipped: list[str] = []
    for found in decoded(files, rules):
        if isinstance(found, str):
            skipped.append(found)
        else:
            pictures += found
            check_one_size(pictures[0], found)
    if not pictures:
        raise AttendError(none_readable(source, skipped))
    for line in skipped:
        warnings.warn(f"{line}; skipped", stacklevel=3)
    return as_scenes(pictures, rules, skipped)


def as_scenes(pictures: Sequence[Picture], rules: Rules, skipped: Sequence[str] = ()) -> SceneData:
    """Pictures of one size, at least one, as 8-bit images on dark ground; what the rules leave open is found out."""
    deep = [picture.pixels for picture in pictures if picture.pixels.dtype != np.uint8]
    bounds = (rules.range or robust_range(deep)) if deep else None
    channels = max(picture.pixels.shape[2] for picture in pictures)
    images = np.empty((len(pictures), *pictures[0].pixels.shape[:2], channels), np.uint8)
    for image, picture in zip(images, pictures, strict=True):
        pixels = picture.pixels
        image[:] = pixels if bounds is None or pixels.dtype == np.uint8 else to_bytes(pixels, bounds)
    read = Reading(dataclasses.replace(rules, range=bounds), tuple(skipped))
    read = read.noting(*(line for picture in pictures for line in picture.notes))
    names = tuple(picture.name for picture in pictures)
    views = np.array([picture.view for picture in pictures], np.int64)
    unknown = (math.nan, math.nan)
    pixel_um = np.array([picture.pixel_um or unknown for picture in pictures], np.float64)
    known = pixel_um if np.isfinite(pixel_um).any() else None
    return on_dark_ground(SceneData(images, names=names, views=views, pixel_um=known, reading=read))


def in_channels(data: SceneData, channels: int) -> SceneData:
    """The same scenes in as many channels as a model knows, which their reading notes."""
    images, said = to_channels(data.images, channels)
    read = data.reading or Reading(Rules())
    return dataclasses.replace(data, images=images, reading=read.noting(said)) if said else data


def on_dark_ground(data: SceneData) -> SceneData:
    """The same scenes, inverted if the rules say that their background is light or, where they leave it open, if the
    objects are surely darker than the background.
    """
    read = data.reading or Reading(Rules())
    if read.rules.ground is None:
        found = polarity(data.images)
        rules = dataclasses.replace(read.rules, ground="light" if found.darker and found.sure else "dark")
        read = dataclasses.replace(read, rules=rules, polarity=found)
    return dataclasses.replace(
        data, images=255 - data.images if read.rules.ground == "light" else data.images, reading=read
    )


def check_one_size(first: Picture, others: Sequence[Picture]) -> None:
    """Raise AttendError unless all have the size of the first."""
    for other in others:
        (height, width), size = first.pixels.shape[:2], other.pixels.shape[:2]
        if size != (height, width):
            sizes = f"{first.place} is {width}x{height} pixels but {other.place} is {size[1]}x{size[0]}"
            raise AttendError(
                f"{sizes}; all images must have one size: give --resize H W, --crop H W or, to train, --tile H W"
            )


def none_readable(source: str, skipped: Sequence[str]) -> str:
    """The line that says so."""
    many = f"{source}: none of {len(skipped)} files can be read; the first: " if len(skipped) > 1 else ""
    return f"{many}{skipped[0]}"
