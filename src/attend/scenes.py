"""`Scenes`: what inference found in a batch of images, as arrays to index, print, plot and export."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int, jaxtyped

from attend.errors import AttendError
from attend.files import read_npz, write_npz

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 8
"""How many scenes are printed or plotted in full."""


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

    @property
    def counts(self) -> Int[np.ndarray, " batch"]:
        """The most probable number of objects in each image."""
        return self.count_probs.argmax(axis=1)

    @property
    def presence(self) -> Float[np.ndarray, "batch objects"]:
        """The probability that each object exists: P(n >= t) for the t-th, counted from 1."""
        return np.clip(self.count_probs[:, :0:-1].cumsum(axis=1)[:, ::-1], 0, 1)

    @property
    def exists(self) -> Bool[np.ndarray, "batch objects"]:
        """Which rows are objects 1..count of their image."""
        return np.arange(self.boxes.shape[1]) < self.counts[:, None]

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
            for row, count in enumerate(self.counts):
                for (x0, y0, wide, high), sure in zip(self.boxes[row, :count], self.presence[row, :count], strict=True):
                    lines.append(
                        f"  {self._name(row)}: box x0={x0:.1f} y0={y0:.1f} width={wide:.1f} height={high:.1f}"
                        f", presence {sure:.3f}"
                    )
        return "\n".join(lines)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every field but the names, by its name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    @staticmethod
    def concatenate(parts: Sequence["Scenes"]) -> "Scenes":
        """Join batches of the same image size and `max_objects`; names are kept if all have them."""
        names: tuple[str, ...] | None = ()
        for part in parts:
            names = None if names is None or part.names is None else names + part.names
        columns = {name: [part.arrays()[name] for part in parts] for name in _ARRAYS}
        arrays = {name: np.concatenate(column) for name, column in columns.items()}
        return Scenes(**arrays, names=names, where_names=parts[0].where_names, what_names=parts[0].what_names)

    def to_coco(self, path: str | os.PathLike) -> None:
        """Write the inferred objects as one JSON file in COCO detection format.

        `attend.exports` says what is in it, and has other formats.
        """
        from attend.exports import Results, write_coco

        write_coco(Results(self), path)

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
            **{name: arrays[name] for name in _ARRAYS},
            **{field: None if found is None else tuple(found.tolist()) for field, found in names.items()},
        )

    def plot(self, path: str | os.PathLike | None = None) -> "Figure":
        """Draw the first scenes: boxes, reconstruction, q(n|x), patches; also save it if a path is given."""
        from attend.figures import save_figure, scenes_figure

        figure = scenes_figure(self)
        if path is not None:
            save_figure(figure, path)
        return figure

    def _name(self, row: int) -> str:
        return f"image-{row}" if self.names is None else self.names[row]


NAMES = ("names", "where_names", "what_names")
"""The fields that are no arrays."""

_ARRAYS: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(Scenes) if field.name not in NAMES}
