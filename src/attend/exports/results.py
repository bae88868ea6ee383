"""`Results`: scenes, with what an export can say about them beyond what inference found; all or a piece of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, UInt8

from attend.scenes import Scenes


@dataclass(frozen=True, eq=False)
class Found:
    """One object.

    Attributes:
        row: of its image in the scenes, from 0.
        index: which object of that image it is, in the order in which they were found, from 0.
        presence: the probability that it exists.
        box: x0, y0, width, height in pixels of the picture in the file; it may reach beyond that.
        where: its place, as the model has it.
        what: its appearance.
        cluster: the group that it belongs to, if objects were grouped.
    """

    row: int
    index: int
    presence: float
    box: Float[np.ndarray, "4"]
    where: Float[np.ndarray, " where"]
    what: Float[np.ndarray, " what"]
    cluster: int | None


@runtime_checkable
class AnyResults(Protocol):
    """What an export writes: `Results`, or a store of very many that gives them piece by piece."""

    @property
    def skipped(self) -> int:
        """How many files could not be read."""
        ...

    def pieces(self) -> Iterator["Results"]:
        """The results, piece by piece; each call begins anew."""
        ...

    def stems(self) -> list[str]:
        """A path for each image below a folder, as of `unique_stems`."""
        ...


@dataclass(frozen=True)
class Results:
    """Results in memory: all of them, or a piece.

    Attributes:
        scenes: what inference found.
        views: the part of the picture in its file that each image shows (x0, y0, width, height) and the width and
            height of that picture, in pixels; None when images are whole pictures, as they are.
        inverted: whether the images were inverted for inference, so that those to show must be inverted back.
        clusters: the group of each object, from 0.
        skipped: how many files could not be read.
        first: how many images are in the pieces before this one.
    """

    scenes: Scenes
    views: Int[np.ndarray, "batch 6"] | None = None
    inverted: bool = False
    clusters: Int[np.ndarray, "batch objects"] | None = None
    skipped: int = 0
    first: int = 0

    def pieces(self) -> Iterator["Results"]:
        """These results, which are a single piece."""
        yield self

    def name(self, row: int) -> str:
        """Of an image: that of its file, with `?` for what is no text, or `image-NUMBER`, from 0 over all pieces."""
        name = f"image-{self.first + row}" if self.scenes.names is None else self.scenes.names[row]
        return name.encode(errors="replace").decode()

    @cached_property
    def counts(self) -> Int[np.ndarray, " batch"]:
        """The number of objects in each image."""
        return self.scenes.counts

    @cached_property
    def _presence(self) -> Float[np.ndarray, "batch objects"]:
        return self.scenes.presence

    def size(self, row: int) -> tuple[int, int]:
        """Width and height of the picture that an image is from, in pixels."""
        if self.views is not None:
            return int(self.views[row, 4]), int(self.views[row, 5])
        height, width = self.scenes.images.shape[1:3]
        return width, height

    def picture(self, row: int) -> UInt8[np.ndarray, "height width channel"]:
        """An image as the user knows it, at the size that inference saw."""
        pixels = np.round(255 * self.scenes.images[row].clip(0, 1)).astype(np.uint8)
        return 255 - pixels if self.inverted else pixels

    def objects(self, row: int) -> Iterator[Found]:
        """The objects 1..count of an image."""
        height, width = self.scenes.images.shape[1:3]
        view = (0, 0, width, height) if self.views is None else self.views[row, :4]
        stretch = np.array([view[2] / width, view[3] / height] * 2)
        offset = np.array([view[0], view[1], 0, 0])
        for index in range(self.counts[row]):
            yield Found(
                row,
                index,
                float(self._presence[row, index]),
                self.scenes.boxes[row, index] * stretch + offset,
                self.scenes.where[row, index],
                self.scenes.what[row, index],
                None if self.clusters is None else int(self.clusters[row, index]),
            )

    def inside(self, found: Found) -> list[float] | None:
        """The part of an object's box inside its picture, rounded to a thousandth of a pixel; None if there is none."""
        x0, y0, wide, high = found.box
        width, height = self.size(found.row)
        left, right = np.clip([x0, x0 + wide], 0, width).round(3).tolist()
        top, bottom = np.clip([y0, y0 + high], 0, height).round(3).tolist()
        if not (right > left and bottom > top):
            return None
        return [left, top, round(right - left, 3), round(bottom - top, 3)]

    def stems(self) -> list[str]:
        """A path for each image below a folder, as of `unique_stems`."""
        return unique_stems(self.names())

    def names(self) -> list[str]:
        """The names of all images."""
        return [self.name(row) for row in range(len(self.scenes))]


def unique_stems(names: Iterable[str]) -> list[str]:
    """A path below a folder for each name, without a suffix, all different.

    It is the name without its suffix, unless two would be equal: then all names keep theirs. It never leads out of
    the folder.
    """
    whole = [str(_below(name)) for name in names]
    stems = [str(PurePosixPath(name).with_suffix("")) for name in whole]
    if len(set(stems)) < len(stems):
        stems = whole
    if len(set(stems)) < len(stems):
        stems = [f"{stem}-{row}" for row, stem in enumerate(stems)]
    return stems


def rounded(numbers: np.ndarray) -> list[float]:
    """Python floats rounded to what single precision knows, to keep files short."""
    return np.asarray(numbers, np.float64).round(6).tolist()


def _below(name: str) -> PurePosixPath:
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..")]
    return PurePosixPath(*parts) if parts else PurePosixPath("image")
