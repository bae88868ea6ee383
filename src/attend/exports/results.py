"""`Results`: scenes, with what an export can say about them beyond what inference found; all or a piece of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int, Int32, UInt8

from attend.masks import Bounds, contours_over, label_image, mask_over
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
        mask: how much it covers of its box, as of `Scenes.masks`, if that is known.
        cluster: the group that it belongs to, if objects were grouped.
    """

    row: int
    index: int
    presence: float
    box: Float[np.ndarray, "4"]
    where: Float[np.ndarray, " where"]
    what: Float[np.ndarray, " what"]
    mask: Float[np.ndarray, "m m"] | None
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
        pixel_size: the side of a pixel of the picture in its file, in micrometres, if that is known.
    """

    scenes: Scenes
    views: Int[np.ndarray, "batch 6"] | None = None
    inverted: bool = False
    clusters: Int[np.ndarray, "batch objects"] | None = None
    skipped: int = 0
    first: int = 0
    pixel_size: float | None = None

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
    def listed(self) -> Int[np.ndarray, " batch"]:
        """How many of them are told of one by one."""
        return self.scenes.listed

    @cached_property
    def _presence(self) -> Float[np.ndarray, "batch objects"]:
        return self.scenes.presence

    def size(self, row: int) -> tuple[int, int]:
        """Width and height of the picture that an image is from, in pixels."""
        if self.views is not None:
            return int(self.views[row, 4]), int(self.views[row, 5])
        height, width = self.scenes.images.shape[1:3]
        return width, height

    def intensities(self, row: int) -> Float[np.ndarray, "height width channel"]:
        """An image as the user knows it, in [0, 1], as large as the picture in its file; 0 where it was cut off."""
        from skimage.transform import resize  # slow to import

        x0, y0, wide, high = self._view(row)
        image = 1 - self.scenes.images[row] if self.inverted else self.scenes.images[row]
        if image.shape[:2] != (high, wide):
            image = resize(image, (high, wide), order=1, anti_aliasing=False)
        width, height = self.size(row)
        left, top, right, bottom = self.seen(row)
        whole = np.zeros((height, width, self.scenes.images.shape[3]), np.float32)
        whole[top:bottom, left:right] = image[top - y0 : bottom - y0, left - x0 : right - x0]
        return whole

    def _view(self, row: int) -> Bounds:
        """x0, y0, width, height of the part of the picture that an image shows."""
        if self.views is not None:
            x0, y0, wide, high = self.views[row, :4].tolist()
            return x0, y0, wide, high
        height, width = self.scenes.images.shape[1:3]
        return 0, 0, width, height

    def picture(self, row: int) -> UInt8[np.ndarray, "height width channel"]:
        """An image as the user knows it, at the size that inference saw."""
        pixels = np.round(255 * self.scenes.images[row].clip(0, 1)).astype(np.uint8)
        return 255 - pixels if self.inverted else pixels

    def objects(self, row: int) -> Iterator[Found]:
        """The objects of an image that are listed."""
        height, width = self.scenes.images.shape[1:3]
        view = self._view(row)
        stretch = np.array([view[2] / width, view[3] / height] * 2)
        offset = np.array([view[0], view[1], 0, 0])
        for index in range(self.listed[row]):
            yield Found(
                row,
                index,
                float(self._presence[row, index]),
                self.scenes.boxes[row, index] * stretch + offset,
                self.scenes.where[row, index],
                self.scenes.what[row, index],
                None if self.scenes.masks is None else self.scenes.masks[row, index],
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

    def seen(self, row: int) -> Bounds:
        """The columns and rows of the picture in the file that inference saw, in which masks are."""
        x0, y0, wide, high = self._view(row)
        width, height = self.size(row)
        return max(x0, 0), max(y0, 0), min(x0 + wide, width), min(y0 + high, height)

    def mask(self, found: Found) -> tuple[tuple[int, int], Bool[np.ndarray, "h w"]]:
        """The pixels of an object in the picture in its file: the (column, row) of a crop, and which of it are its own.

        Raises:
            AttendError: there are no masks.
        """
        return mask_over(self.scenes.known_masks()[found.row, found.index], found.box, self.seen(found.row))

    def contours(self, found: Found) -> list[Float[np.ndarray, "_ 2"]]:
        """The outlines of an object in pixels of the picture in its file, as of `Scenes.contours`.

        Raises:
            AttendError: there are no masks.
        """
        return contours_over(self.scenes.known_masks()[found.row, found.index], found.box, self.seen(found.row))

    def labels(self, row: int) -> Int32[np.ndarray, "height width"]:
        """The label image of the picture in a file, as of `Scenes.labels`.

        Raises:
            AttendError: there are no masks.
        """
        width, height = self.size(row)
        masks = self.scenes.known_masks()[row, : self.listed[row]]
        boxes = np.array([found.box for found in self.objects(row)], np.float64).reshape(-1, 4)
        return label_image(masks, boxes, (height, width), self.seen(row))

    def stems(self) -> list[str]:
        """A path for each image below a folder, as of `unique_stems`."""
        return unique_stems(self.names())

    def names(self) -> list[str]:
        """The names of all images."""
        return [self.name(row) for row in range(len(self.scenes))]


def each_image(results: AnyResults, folder: Path, suffix: str) -> Iterator[tuple[Results, int, Path]]:
    """Of every image the piece and the row that it is in, and the file below a folder that is its own."""
    stems = results.stems()
    for piece in results.pieces():
        for row in range(len(piece.scenes)):
            file = folder / f"{stems[piece.first + row]}{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            yield piece, row, file


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
