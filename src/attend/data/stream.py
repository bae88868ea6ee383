"""Images of files in pieces, so that there may be more of them than memory holds."""

import contextlib
import dataclasses
import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from attend.data.entries import Entries
from attend.data.images import as_scenes, check_one_size, in_channels, none_readable
from attend.data.pictures import Found, Picture, decoded
from attend.data.rules import Reading, Rules
from attend.data.scenes_file import SceneData
from attend.errors import AttendError

PIECE, LEAST, NUMBERS = 256, 64, 2**22
"""Files in a piece: fewer if their images have more numbers than that together, but not below the least."""

SURVEYED, LARGE_SURVEYED = 1000, 4
"""Files, evenly spread over all there are, that are looked at for what the rules leave open."""


def piece_length(size: tuple[int, int, int]) -> int:
    """Files in a piece of images of `size` (height, width, channels)."""
    return min(PIECE, max(LEAST, NUMBERS // math.prod(size)))


class Piece(NamedTuple):
    """The images of the next few files, if any of them can be read, and a line for each that cannot."""

    data: SceneData | None
    skipped: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ImageStream:
    """The images that `read_images` gives, in pieces of a few hundred files.

    While one piece is used the files of the next ones are decoded. What the rules leave open, ground and range, is
    found out from 1,000 files rather than from all. Images have the channels of the model that they are for.

    Attributes:
        source: what was asked for.
        entries: its files.
        rules: how to read them.
        size: height and width that their images must have, and the channels of the model that they are for.
        large: whether images may have other sizes after all; then a piece is a single file, and it is tiles of `size`
            that are looked at for what the rules leave open.
        decided: what the rules leave open, if it was found out before.
    """

    source: str
    entries: Entries
    rules: Rules
    size: tuple[int, int, int]
    large: bool = False
    decided: Reading | None = None

    @property
    def step(self) -> int:
        """Files in a piece."""
        return 1 if self.large else piece_length(self.size)

    def __len__(self) -> int:
        """How many pieces there are."""
        return math.ceil(len(self.entries) / self.step)

    def pieces(self, start: int = 0) -> Generator[Piece, None, None]:
        """The pieces from number `start` on.

        Raises:
            AttendError: as of `read_images`, or an image has another size than asked for.
        """
        first = None
        rest = (self.entries[i] for i in range(start * self.step, len(self.entries)))
        with contextlib.closing(decoded(rest, self.rules, 2 * self.step)) as files:
            for _ in range(start, len(self)):
                pictures, skipped = self._gathered(islice(files, self.step), None if self.large else first)
                first = first or next(iter(pictures), None)
                yield Piece(self._as_scenes(pictures, skipped) if pictures else None, tuple(skipped))

    def part(self, start: int, stop: int) -> "ImageStream":
        """The pieces from `start` to before `stop` as a stream of their own; what it leaves open must be decided."""
        return dataclasses.replace(self, entries=self.entries.part(start * self.step, stop * self.step))

    @cached_property
    def surveyed(self) -> Reading:
        """The rules with ground and, if there are files of more than 8 bits, range decided; and how sure the first is.

        Raises:
            AttendError: as of `pieces`, or none of the files that are looked at can be read.
        """
        if self.decided is not None:
            return self.decided
        step = math.ceil(len(self.entries) / (LARGE_SURVEYED if self.large else SURVEYED))
        rules = self.rules.changed(tile=self.size[:2]) if self.large else self.rules
        files = decoded((self.entries[i] for i in range(0, len(self.entries), step)), rules)
        pictures, skipped = self._gathered(files, None)
        if not pictures:
            raise AttendError(none_readable(self.source, skipped))
        return as_scenes(pictures, self.rules).reading or Reading(self.rules)

    def _gathered(self, files: Iterable[Found], first: Picture | None) -> tuple[list[Picture], list[str]]:
        pictures, skipped = [], []
        for found in files:
            if isinstance(found, str):
                skipped.append(found)
                continue
            for picture in found:
                first = first or picture
                check_one_size(first, [picture])
                if not self.large and picture.pixels.shape[:2] != self.size[:2]:
                    found_size, size = ("x".join(map(str, size)) for size in (picture.pixels.shape, self.size))
                    raise AttendError(
                        f"{self.source}: images: are {found_size} (height x width x channels); the model knows {size}, "
                        "and larger ones with --tile; --resize H W or --crop H W give others that size"
                    )
            pictures += found
        return pictures, skipped

    def _as_scenes(self, pictures: list[Picture], skipped: list[str]) -> SceneData:
        rules, polarity = self.rules, None
        deep = next((picture for picture in pictures if picture.pixels.dtype != np.uint8), None)
        if rules.ground is None or (deep and rules.range is None):
            found, polarity = self.surveyed.rules, self.surveyed.polarity
            rules = dataclasses.replace(rules, ground=found.ground, range=found.range)
        if deep and rules.range is None:
            raise AttendError(f"{deep.place}: has over 8 bits a pixel, unlike the others; give --range LO HI")
        data = as_scenes(pictures, rules, skipped)
        if data.reading is not None:
            data = dataclasses.replace(data, reading=dataclasses.replace(data.reading, polarity=polarity))
        return in_channels(data, self.size[2])
