"""Read images from files: one, a folder, a pattern, a list, or a Hugging Face data set."""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from attend.data.entries import entries
from attend.data.ground import light_ground
from attend.data.pictures import Picture, decoded
from attend.data.ranges import robust_range, to_bytes
from attend.data.rules import Reading, Rules
from attend.data.scenes_file import SceneData
from attend.errors import AttendError


def read_images(source: str | Path, rules: Rules = Rules(), *, split: str = "train") -> SceneData:  # noqa: B008
    """The images of files, in order of their paths.

    They come out grey if all of them are (red = green = blue everywhere), else as RGB. What is transparent is put on
    black. The pages of a file are images of their own, called `FILE/1`, `FILE/2` and so on, and so are tiles, called
    `FILE/yY-xX` by their corner. `reading` of the result says what was done.

    Args:
        source: as of `entries`.
        rules: how to give the images one size and one range.
        split: of a Hugging Face data set with several.

    Raises:
        AttendError: there is no image, they differ in size and no rule says what to do, an image is too small for the
            rule, or a file cannot be read and it is the only one or the rules are strict. The line names the file.
    """
    pictures: list[Picture] = []
    skipped: list[str] = []
    for found in decoded(entries(str(source), split), rules):
        if isinstance(found, str):
            skipped.append(found)
        else:
            pictures += found
            check_one_size(pictures[0], found)
    if not pictures:
        raise AttendError(none_readable(str(source), skipped))
    for line in skipped:
        warnings.warn(f"{line}; skipped", stacklevel=2)
    return as_scenes(pictures, rules, skipped)


def as_scenes(pictures: Sequence[Picture], rules: Rules, skipped: Sequence[str] = ()) -> SceneData:
    """Pictures of one size, at least one, as 8-bit images on dark ground; what the rules leave open is found out."""
    deep = [picture.pixels for picture in pictures if picture.pixels.dtype != np.uint8]
    bounds = (rules.range or robust_range(deep)) if deep else None
    channels = max(picture.pixels.shape[2] for picture in pictures)
    images = np.empty((len(pictures), *pictures[0].pixels.shape[:2], channels), np.uint8)
    for image, (_, _, pixels, _) in zip(images, pictures, strict=True):
        image[:] = pixels if bounds is None or pixels.dtype == np.uint8 else to_bytes(pixels, bounds)
    read = Reading(dataclasses.replace(rules, range=bounds), tuple(skipped))
    names = tuple(picture.name for picture in pictures)
    views = np.array([picture.view for picture in pictures], np.int64)
    return on_dark_ground(SceneData(images, names=names, views=views, reading=read))


def on_dark_ground(data: SceneData) -> SceneData:
    """The same scenes, inverted if their ground is light by the rules or, where those leave it open, by its looks."""
    read = data.reading or Reading(Rules())
    ground = read.rules.ground or ("light" if light_ground(data.images) else "dark")
    return dataclasses.replace(
        data,
        images=255 - data.images if ground == "light" else data.images,
        reading=dataclasses.replace(read, rules=dataclasses.replace(read.rules, ground=ground)),
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
