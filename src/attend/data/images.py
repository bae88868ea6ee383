"""Read images from files: one, a folder, a pattern, a list, or a Hugging Face data set."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np

from attend.data.decode import decode
from attend.data.entries import entries
from attend.data.ground import light_ground
from attend.data.parts import parts
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
    pictures, names, views, skipped = [], [], [], []
    first = None  # file and size of the first image
    for entry in entries(str(source), split):
        try:
            pages = decode(entry.content)
        except AttendError as error:
            line = f"{entry.place}: {error}"
            if rules.strict:
                raise AttendError(line) from error
            skipped.append(line)
            continue
        for number, page in enumerate(pages, start=1):
            name = entry.name if len(pages) == 1 else f"{entry.name}/{number}"
            try:
                found = list(parts(page, rules))
            except AttendError as error:
                raise AttendError(f"{entry.place}: {error}") from None
            for pixels, (x, y, wide, high) in found:
                size = pixels.shape[:2]
                first = first or (entry.place, size)
                if size != first[1]:
                    raise AttendError(_two_sizes(*first, entry.place, size))
                pictures.append(pixels)
                names.append(name if rules.tile is None else f"{name}/y{y}-x{x}")
                views.append((x, y, wide, high, page.shape[1], page.shape[0]))
    if not pictures:
        many = f"{source}: none of {len(skipped)} files can be read; the first: " if len(skipped) > 1 else ""
        raise AttendError(f"{many}{skipped[0]}")
    for line in skipped:
        warnings.warn(f"{line}; skipped", stacklevel=2)
    deep = [picture for picture in pictures if picture.dtype != np.uint8]
    bounds = (rules.range or robust_range(deep)) if deep else None
    channels = max(picture.shape[2] for picture in pictures)
    images = np.empty((len(pictures), *pictures[0].shape[:2], channels), np.uint8)
    for image, picture in zip(images, pictures, strict=True):
        image[:] = picture if bounds is None or picture.dtype == np.uint8 else to_bytes(picture, bounds)
    read = Reading(dataclasses.replace(rules, range=bounds), tuple(skipped))
    data = SceneData(images, names=tuple(names), views=np.array(views, np.int64), reading=read)
    return on_dark_ground(data)


def on_dark_ground(data: SceneData) -> SceneData:
    """The same scenes, inverted if their ground is light by the rules or, where those leave it open, by its looks."""
    read = data.reading or Reading(Rules())
    ground = read.rules.ground or ("light" if light_ground(data.images) else "dark")
    return dataclasses.replace(
        data,
        images=255 - data.images if ground == "light" else data.images,
        reading=dataclasses.replace(read, rules=dataclasses.replace(read.rules, ground=ground)),
    )


def _two_sizes(first: str, first_size: tuple[int, ...], other: str, size: tuple[int, ...]) -> str:
    sizes = f"{first} is {first_size[1]}x{first_size[0]} pixels but {other} is {size[1]}x{size[0]}"
    return f"{sizes}; all images must have one size: give --resize H W, --crop H W or, to train, --tile H W"
