"""`Scenes`: what inference found in a batch of images, as arrays to index, print, plot and export."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int, Int32, jaxtyped

from attend.errors import AttendError
from attend.files import read_npz, write_npz
from attend.masks import Bounds, contours_over, label_image, mask_over

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from supervision import Detections

SHOWN = 8
"""How many scenes are printed or plotted in full."""


def _optional(array: Any) -> np.ndarray | None:
    return None if array is None else np.asarray(array)


class Scenes(eqx.Module):
    """The decoded posterior of a batch of images; all arrays are numpy's, the batch axis first.

    Objects are in the order in which they were inferred. Rows of an image beyond its count are what
    inference would have said had it gone on; `presence` tells how much to believe each row.

    Attributes:
        images: the images looked at, in [0, 1].
        reconstructions: the images painted by the model at the most probable count.
        where: posterior mode of each object's place (2D: scale, x, y in image coordinates, -1..1; on a table: x and y
            in metres, yaw in radians).
        where_sd: posterior standard deviation of `where`.
        what: posterior mode of each object's appearance (2D: a code; on a table: its kind, one-hot, and what else
            varies).
        what_sd: posterior standard deviation of `what`.
        count_probs: q(n|x) for n = 0..N; what tells it is the model's setting `count`.
        boxes: x0, y0, width, height in pixels.
        patches: what the decoder paints for each object, in [0, 1].
        names: a name for each image, such as its file name.
        where_names: what each number of `where` is: `scale`, `x`, `y`, or `x_m`, `y_m`, `yaw_rad`.
        what_names: what each number of `what` is.
        masks: how much each object covers of its box, in [0, 1], the box resampled to m x m numbers; None where it is
            not known, as in files of before. It is the whole object, also where another one hides it.
        each_presence: the probability that each object exists, the surest first, if q tells it of each by itself; None
            if the distribution of the count alone tells it.
    """

    images: Float[np.ndarray, "batch height width channel"] = eqx.field(converter=np.asarray)
    reconstructions: Float[np.ndarray, "batch height width channel"] = eqx.field(converter=np.asarray)
    where: Float[np.ndarray, "batch objects where"] = eqx.field(converter=np.asarray)
    where_sd: Float[np.ndarray, "batch objects where"] = eqx.field(converter=np.asarray)
    what: Float[np.ndarray, "batch objects what"] = eqx.field(converter=np.asarray)
    what_sd: Float[np.ndarray, "batch objects what"] = eqx.field(converter=np.asarray)
    count_probs: Float[np.ndarray, "batch objects+1"] = eqx.field(converter=np.asarray)
    boxes: Float[np.ndarray, "batch objects 4"] = eqx.field(converter=np.asarray)
    patches: Float[np.ndarray, "batch objects patch patch channel"] = eqx.field(converter=np.asarray)
    names: tuple[str, ...] | None = eqx.field(static=True, default=None)
    where_names: tuple[str, ...] | None = eqx.field(static=True, default=None)
    what_names: tuple[str, ...] | None = eqx.field(static=True, default=None)
    masks: Float[np.ndarray, "batch objects m m"] | None = eqx.field(converter=_optional, default=None)
    each_presence: Float[np.ndarray, "batch objects"] | None = eqx.field(converter=_optional, default=None)

    @property
    def counts(self) -> Int[np.ndarray, " batch"]:
        """The most probable number of objects in each image."""
        return self.count_probs.argmax(axis=1)

    @property
    def listed(self) -> Int[np.ndarray, " batch"]:
        """How many objects of each image are told of one by one, in boxes and masks.

        It is the count, but where q tells of each object by itself whether it exists: objects that are hidden by others
        are counted there and not listed. Of those that it tells of, as many are listed as are expected to exist.
        """
        if self.each_presence is None:
            return self.counts
        return np.minimum(self.counts, np.round(self.each_presence.sum(axis=1)).astype(int))

    @property
    def expected_counts(self) -> Float[np.ndarray, " batch"]:
        """The mean of each image's distribution of counts."""
        return self.count_probs @ np.arange(self.count_probs.shape[1], dtype=np.float64)

    def count_interval(self, level: float = 0.9) -> Int[np.ndarray, "batch 2"]:
        """The central interval of each image's distribution of counts: its lowest and its highest count.

        No more than half of what `level` leaves lies below it, and no more than half above it.

        Raises:
            AttendError: the level is not above 0 and below 1.
        """
        if not 0 < level < 1:
            raise AttendError(f"level: is {level}; it must be above 0 and below 1")
        upto = self.count_probs.astype(np.float64).cumsum(axis=1)
        upto /= upto[:, -1:]
        ends = (1 - level) / 2, (1 + level) / 2
        return np.stack([(upto >= end - 1e-9).argmax(axis=1) for end in ends], axis=1)

    @property
    def presence(self) -> Float[np.ndarray, "batch objects"]:
        """The probability that each object exists: P(n >= t) for the t-th, from 1, if it is not told of each."""
        if self.each_presence is not None:
            return self.each_presence
        return np.clip(self.count_probs[:, :0:-1].cumsum(axis=1)[:, ::-1], 0, 1)

    @property
    def exists(self) -> Bool[np.ndarray, "batch objects"]:
        """Which rows are objects of their image: those that are listed."""
        return np.arange(self.boxes.shape[1]) < self.listed[:, None]

    def __len__(self) -> int:
        """How many scenes there are."""
        return len(self.images)

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> "Scenes":
        """The chosen scenes; an integer chooses one and keeps the batch axis."""
        rows = np.atleast_1d(np.arange(len(self))[index])
        names = None if self.names is None else tuple(self.names[row] for row in rows)
        arrays = {name: array[rows] for name, array in self.arrays().items()}
        return Scenes(**arrays, names=names, where_names=self.where_names, what_names=self.what_names)

    def __iter__(self) -> Iterator["Scenes"]:
        """One scene after another, each a `Scenes` of length 1."""
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        """How many, how large, their counts and, when they are few, the boxes."""
        height, width, channels = self.images.shape[1:]
        noun = "scene" if len(self) == 1 else "scenes"
        counts = ", ".join(str(count) for count in self.counts[:SHOWN]) + ", ..." * (len(self) > SHOWN)
        lines = [f"{len(self)} {noun} of {height}x{width}x{channels}: counts {counts or 'none'}"]
        if len(self) <= SHOWN:
            for row, count in enumerate(self.listed):
                for (x0, y0, wide, high), sure in zip(self.boxes[row, :count], self.presence[row, :count], strict=True):
                    lines.append(
                        f"  {self._name(row)}: box x0={x0:.1f} y0={y0:.1f} width={wide:.1f} height={high:.1f}"
                        f", presence {sure:.3f}"
                    )
        return "\n".join(lines)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every field but the names, by its name; those that may be missing only where they are there."""
        return {name: array for name in _ARRAYS if (array := getattr(self, name)) is not None}

    @staticmethod
    def concatenate(parts: Sequence["Scenes"]) -> "Scenes":
        """Join batches of the same image size; names and masks are kept if all have them.

        Those of fewer objects get rows of zeros, which do not exist.

        Raises:
            AttendError: the images differ in size.
        """
        for part in parts:
            if part.images.shape[1:] != parts[0].images.shape[1:]:
                one, other = ("x".join(map(str, each.images.shape[1:])) for each in (parts[0], part))
                raise AttendError(f"concatenate: images are {one} and {other}; they must be of one size")
        most = max(part.boxes.shape[1] for part in parts)
        padded = [part.padded(most).arrays() for part in parts]
        names: tuple[str, ...] | None = ()
        for part in parts:
            names = None if names is None or part.names is None else names + part.names
        common = [name for name in _ARRAYS if all(name in arrays for arrays in padded)]
        joined = {name: np.concatenate([arrays[name] for arrays in padded]) for name in common}
        return Scenes(**joined, names=names, where_names=parts[0].where_names, what_names=parts[0].what_names)

    def padded(self, objects: int) -> "Scenes":
        """The same with room for so many objects: what is missing are rows of zeros, which do not exist."""
        missing = objects - self.boxes.shape[1]
        if missing == 0:
            return self
        arrays: dict[str, Any] = {
            name: np.pad(array, [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)])
            for name, array in self.arrays().items()
            if name not in ("images", "reconstructions")
        }
        return dataclasses.replace(self, **arrays)

    def mask(self, row: int, index: int) -> tuple[tuple[int, int], Bool[np.ndarray, "h w"]]:
        """The pixels of one object: the (column, row) of the first pixel of a crop, and which of that are its own.

        Raises:
            AttendError: there are no masks.
        """
        return mask_over(self.known_masks()[row, index], self.boxes[row, index], self._bounds())

    def labels(self, row: int) -> Int32[np.ndarray, "height width"]:
        """The label image of one scene: 0 is background, the k-th object, from 1, is k, and what is in front wins.

        Raises:
            AttendError: there are no masks.
        """
        count, masks = self.listed[row], self.known_masks()
        return label_image(masks[row, :count], self.boxes[row, :count], self.images.shape[1:3])

    def contours(self, row: int) -> list[list[Float[np.ndarray, "_ 2"]]]:
        """The outlines of each object of one scene: closed polygons of (x, y) in pixels, one for each of its parts.

        Raises:
            AttendError: there are no masks.
        """
        masks, boxes = self.known_masks()[row], self.boxes[row]
        return [contours_over(masks[index], boxes[index], self._bounds()) for index in range(self.listed[row])]

    def known_masks(self) -> Float[np.ndarray, "batch objects m m"]:
        """The masks.

        Raises:
            AttendError: there are none.
        """
        if self.masks is None:
            raise AttendError("masks: these scenes have none, as those of older files; infer the images again")
        return self.masks

    def to_coco(self, path: str | os.PathLike) -> None:
        """Write the inferred objects as one JSON file in COCO detection format.

        `attend.exports` says what is in it, and has other formats.
        """
        from attend.exports import Results, write_coco

        write_coco(Results(self), path)

    def to_supervision(self, row: int | None = None) -> "Detections":
        """The objects of one scene as `supervision.Detections`, whose confidence is the presence.

        Args:
            row: of the scene; it may be left out when there is only one.

        Raises:
            AttendError: there are several scenes and no row is given, or supervision is not installed.
        """
        from attend.exports import Results, detections

        if row is None and len(self) != 1:
            raise AttendError(f"to_supervision: there are {len(self)} scenes; give the row of one")
        return detections(Results(self), row or 0)

    def to_npz(self, path: str | os.PathLike) -> None:
        """Write everything to one `.npz` file that `from_npz` and numpy read without pickle."""
        arrays: dict[str, Any] = self.arrays()
        for field in NAMES:
            if (names := getattr(self, field)) is not None:
                arrays[field] = np.array(names, dtype=np.str_)
        write_npz(path, arrays)

    @staticmethod
    def from_npz(path: str | os.PathLike) -> "Scenes":
        """Read a file written by `to_npz`.

        Raises:
            AttendError: the file is missing, damaged or not one of these, or its arrays disagree.
        """
        arrays = read_npz(path)
        names = {field: arrays.pop(field, None) for field in NAMES}
        with jaxtyped("context"):  # one context, so that equal axis names must have equal lengths
            for name, annotation in _ARRAYS.items():
                if name not in arrays:
                    if name in OPTIONAL:
                        continue
                    raise AttendError(f"{path}: {name} is missing; a file of inferred scenes has {', '.join(_ARRAYS)}")
                if not isinstance(arrays[name], annotation):
                    raise AttendError(
                        f"{path}: {name} is {arrays[name].dtype} of shape {arrays[name].shape}; "
                        f"it must be floating with axes ({annotation.dim_str}) as in the other arrays"
                    )
        wanted = {"names": len(arrays["images"]), "where_names": arrays["where"].shape[2]}
        for field, length in (wanted | {"what_names": arrays["what"].shape[2]}).items():
            found = names[field]
            if found is not None and found.shape != (length,):
                raise AttendError(f"{path}: {field} has shape {found.shape}; it must be ({length},)")
        return Scenes(
            **{name: arrays[name] for name in _ARRAYS if name in arrays},
            **{field: None if found is None else tuple(found.tolist()) for field, found in names.items()},
        )

    def plot(self, path: str | os.PathLike | None = None) -> "Figure":
        """Draw the first scenes: boxes, reconstruction, q(n|x), patches; also save it if a path is given."""
        from attend.figures import save_figure, scenes_figure

        figure = scenes_figure(self)
        if path is not None:
            save_figure(figure, path)
        return figure

    def _bounds(self) -> Bounds:
        height, width = self.images.shape[1:3]
        return 0, 0, width, height

    def _name(self, row: int) -> str:
        return f"image-{row}" if self.names is None else self.names[row]


NAMES = ("names", "where_names", "what_names")
"""The fields that are no arrays."""

OPTIONAL = ("masks", "each_presence")
"""The arrays that may be missing."""

_ARRAYS: dict[str, Any] = {
    field.name: get_args(field.type)[0] if field.name in OPTIONAL else field.type
    for field in dataclasses.fields(Scenes)
    if field.name not in NAMES
}
