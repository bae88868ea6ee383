"""The pictures in image files, decoded ahead and cut to what the rules ask for."""

import warnings
from collections.abc import Generator, Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from attend.ahead import ahead
from attend.data.decode import decode
from attend.data.entries import Entry
from attend.data.parts import parts
from attend.data.rules import Rules
from attend.data.stack import notes
from attend.data.stack import pictures as stack_pictures
from attend.errors import AttendError


class Picture(NamedTuple):
    """What becomes one image.

    Attributes:
        name: tells it from all others.
        place: where its file is.
        pixels: of any depth; grey or RGB.
        view: x0, y0, width, height of the part of the picture that it shows, and the picture's width and height.
        pixel_um: height and width of a pixel of the file in micrometres, if the file says so.
        notes: what was chosen for the user when its file was read.
    """

    name: str
    place: str
    pixels: Shaped[np.ndarray, "height width channel"]
    view: tuple[int, int, int, int, int, int]
    pixel_um: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


Found = list[Picture] | str
"""The pictures of a file, or a line that names a file which cannot be read."""


def decoded(entries: Iterable[Entry], rules: Rules, most: int = 512) -> Generator[Found, None, None]:
    """What is found in each file, in order; close it to stop before the end.

    Args:
        entries: the files.
        rules: how to cut them. If they are strict, the first file that cannot be read is an error.
        most: files that are decoded ahead.

    Raises:
        AttendError: a picture is smaller than a rule asks for, or has not the channel that it asks for.
    """
    for library in ("PIL", "tifffile"):  # of odd metadata; not in the threads, since filters are everyone's
        warnings.filterwarnings("ignore", module=rf"{library}\.")
    return ahead(partial(found_in, rules), entries, most)


def found_in(rules: Rules, entry: Entry) -> Found:
    """What is found in one file.

    Raises:
        AttendError: as of `decoded`.
    """
    try:
        stacks = decode(entry.content() if callable(entry.content) else entry.content)
    except AttendError as error:
        line = f"{entry.place}: {error}"
        if rules.strict:
            raise AttendError(line) from error
        return line
    try:
        pages = [(page, stack) for stack in stacks for page in stack_pictures(stack, rules)]
        found = []
        for number, (page, stack) in enumerate(pages, start=1):
            name = entry.name if len(pages) == 1 else f"{entry.name}/{number}"
            said = tuple(notes(stack, rules))
            for pixels, view in parts(page, rules):
                x, y, _, _ = view
                part = name if rules.tile is None else f"{name}/y{y}-x{x}"
                own = pixels.copy()  # a view would keep the page
                found.append(
                    Picture(part, entry.place, own, (*view, page.shape[1], page.shape[0]), stack.pixel_um, said)
                )
        return found
    except AttendError as error:
        raise AttendError(f"{entry.place}: {error}") from None
