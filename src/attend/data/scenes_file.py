"""Scenes as arrays, and the `.npz` file that holds them."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from attend.data.rules import Reading
from attend.errors import AttendError
from attend.files import read_npz, write_npz


@no_type_check  # the checks below say more, in one line
@dataclass(frozen=True, eq=False)
class SceneData:
    """n images of one size and, where it is known, what is in them.

    Objects fill the rows of `boxes` and `labels` from the first on; `counts` says how many rows are used.

    Attributes:
        images: pixels 0..255; one channel (grey) or three (RGB).
        counts: objects in each image.
        boxes: x0, y0, width, height of each object in pixels; unused rows are zero.
        labels: class of each object; -1 in unused rows.
        poses: x and y in metres and yaw in radians of each object on a table; unused rows are zero.
        names: file names, where the images were read from files. They are not saved, nor are the next three.
        views: which part of the picture in its file each image shows: x0, y0, width, height, and then the width and
            height of the picture, in pixels.
        pixel_um: height and width in micrometres of a pixel of the file that each image is from; NaN where it does not
            say so.
        reading: how the images were read from files.

    Raises:
        AttendError: a field has the wrong type or shape, or two of them disagree; the line names the field.
    """

    images: UInt8[np.ndarray, "n height width channel"]
    counts: Int64[np.ndarray, " n"] | None = None
    boxes: Float32[np.ndarray, "n max_objects 4"] | None = None
    labels: Int64[np.ndarray, "n max_objects"] | None = None
    poses: Float32[np.ndarray, "n max_objects 3"] | None = None
    names: tuple[str, ...] | None = None
    views: Int64[np.ndarray, "n 6"] | None = None
    pixel_um: Float64[np.ndarray, "n 2"] | None = None
    reading: Reading | None = None

    def __post_init__(self):
        """Check every field, then that they agree."""
        if self.images.dtype != np.uint8:
            hint = " (multiply images in [0, 1] by 255 and round)" if self.images.dtype.kind == "f" else ""
            raise AttendError(f"images: dtype is {self.images.dtype}; it must be uint8, 0 to 255{hint}")
        if self.images.ndim != 4 or self.images.shape[3] not in (1, 3) or 0 in self.images.shape[1:]:
            raise AttendError(f"images: shape is {self.images.shape}; it must be (n, height, width, 1 or 3 channels)")
        n = len(self.images)
        _check("counts", self.counts, np.int64, (n,), "(n,)")
        _check("boxes", self.boxes, np.float32, (n, None, 4), "(n, max_objects, 4)")
        _check("labels", self.labels, np.int64, (n, None), "(n, max_objects)")
        _check("poses", self.poses, np.float32, (n, None, 3), "(n, max_objects, 3)")
        if self.poses is not None and not np.isfinite(self.poses).all():
            raise AttendError("poses: there is one that is not finite")
        _check("views", self.views, np.int64, (n, 6), "(n, 6)")
        _check("pixel_um", self.pixel_um, np.float64, (n, 2), "(n, 2)")
        if self.names is not None and len(self.names) != n:
            raise AttendError(f"names: there are {len(self.names)} for {n} images; there must be one for each")
        if self.counts is not None and (self.counts < 0).any():
            raise AttendError(f"counts: {self.counts.min()} is negative; a count must be 0 or more")
        if self.boxes is not None:
            unused = (self.boxes == 0).all(axis=2)
            sound = np.isfinite(self.boxes).all(axis=2) & (self.boxes[..., 2:] > 0).all(axis=2)
            _refuse(~(unused | sound), "boxes: image {} has a box that is not finite or has no width or height")
        if self.labels is not None:
            _refuse(self.labels < -1, "labels: image {} has a label below -1; only -1 may mark an unused row")
        used = _used_rows(self.boxes, self.labels)
        for name, rows in used.items():
            _refuse(rows[:, 1:] > rows[:, :-1], f"{name}: image {{}} has an unused row before a used one")
            if self.counts is not None:
                disagree = rows.sum(axis=1) != self.counts
                _refuse(
                    disagree,
                    f"counts: image {{}} has another count than used rows in {name}; they must agree",
                )
        for name, rows in used.items():
            if self.poses is not None and rows.shape != self.poses.shape[:2]:
                found = f"{self.poses.shape[1]} rows an image but {name} has {rows.shape[1]}"
                raise AttendError(f"poses: there are {found}; they must agree")
        if len(used) == 2:
            if used["boxes"].shape != used["labels"].shape:
                found = f"{used['labels'].shape[1]} rows an image but boxes has {used['boxes'].shape[1]}"
                raise AttendError(f"labels: there are {found}; they must agree")
            disagree = used["boxes"] != used["labels"]
            _refuse(disagree, "labels: image {} has other used rows than in boxes; they must agree")

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.images)

    def __getitem__(self, index: Any) -> "SceneData":
        """The scenes that a slice, an array of indices or of booleans, or one index (as a set of 1) picks."""
        rows = np.atleast_1d(np.arange(len(self))[index])
        return SceneData(
            self.images[rows],
            None if self.counts is None else self.counts[rows],
            None if self.boxes is None else self.boxes[rows],
            None if self.labels is None else self.labels[rows],
            None if self.poses is None else self.poses[rows],
            None if self.names is None else tuple(self.names[row] for row in rows),
            None if self.views is None else self.views[rows],
            None if self.pixel_um is None else self.pixel_um[rows],
            self.reading,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def save(self, path: str | Path) -> None:
        """Write a scenes file; grey images are written as (n, height, width).

        Raises:
            AttendError: `path` does not end in `.npz` or cannot be written.
        """
        images = self.images[..., 0] if self.images.shape[3] == 1 else self.images
        known = {name: getattr(self, name) for name in ("counts", "boxes", "labels", "poses")}
        fields = {"images": images} | known
        write_npz(path, {name: array for name, array in fields.items() if array is not None})

    @classmethod
    def load(cls, path: str | Path) -> "SceneData":
        """Read a scenes file: `images` and, optionally, `counts`, `boxes`, `labels` and `poses`.

        Missing counts are counted from the boxes or labels. Nothing is ever unpickled.

        Raises:
            AttendError: the file is missing, damaged, or its arrays are not as `SceneData` has them.
        """
        arrays = read_npz(path)
        if "images" not in arrays:
            raise AttendError(f"{path}: holds {', '.join(arrays) or 'no array'}; a scenes file must hold images")
        images = arrays["images"]
        if not images.size:
            raise AttendError(f"{path}: images: shape is {images.shape}; there must be at least one image")
        if "labels" in arrays and arrays["labels"].ndim == 1:
            raise AttendError(
                f"{path}: labels: shape is {arrays['labels'].shape}; it must be (n, max_objects) "
                f"(to compose scenes from a file of single digits, give mnist:{path})"
            )
        try:
            counts = _as("counts", arrays.get("counts"), np.int64)
            boxes = _as("boxes", arrays.get("boxes"), np.float32)
            labels = _as("labels", arrays.get("labels"), np.int64)
            poses = _as("poses", arrays.get("poses"), np.float32)
            boxes, labels, poses = _used_first(boxes, labels, poses)
            data = cls(images[..., None] if images.ndim == 3 else images, counts, boxes, labels, poses)
        except AttendError as error:
            raise AttendError(f"{path}: {error}") from None
        used = list(_used_rows(data.boxes, data.labels).values())
        if data.counts is None and used:
            return dataclasses.replace(data, counts=used[0].sum(axis=1, dtype=np.int64))
        return data


def _used_rows(boxes: np.ndarray | None, labels: np.ndarray | None) -> dict[str, np.ndarray]:
    """Which rows (n, max_objects) hold an object, by each field that says so."""
    used = {}
    if boxes is not None:
        used["boxes"] = (boxes != 0).any(axis=-1)
    if labels is not None:
        used["labels"] = labels != -1
    return used


def _used_first(
    boxes: np.ndarray | None, labels: np.ndarray | None, poses: np.ndarray | None
) -> tuple[np.ndarray | None, ...]:
    """Move the used rows of each image to the front; a field of a wrong shape is left for the checks."""
    if boxes is None and labels is None:
        return boxes, labels, poses
    ordered = []
    for field, ndim in ((boxes, 3), (labels, 2), (poses, 3)):
        if field is not None and field.ndim == ndim:
            used = next(iter(_used_rows(boxes, labels).values()))
            if used.shape == field.shape[:2]:
                order = np.argsort(~used, axis=1, kind="stable")
                field = np.take_along_axis(field, order.reshape(order.shape + (1,) * (ndim - 2)), axis=1)
        ordered.append(field)
    return tuple(ordered)


def _as(name: str, array: np.ndarray | None, dtype: type) -> np.ndarray | None:
    """The array as `dtype`, from any width of integer (or of float, where floats are asked for)."""
    kinds = "iuf" if np.issubdtype(dtype, np.floating) else "iu"
    if array is None or array.dtype.kind in kinds:
        return None if array is None else array.astype(dtype)
    raise AttendError(f"{name}: dtype is {array.dtype}; it must be {np.dtype(dtype)}")


def _check(name: str, array: np.ndarray | None, dtype: type, shape: tuple[int | None, ...], shape_text: str) -> None:
    """Refuse an array of another type or shape; None in `shape` stands for any length."""
    if array is None:
        return
    if array.dtype != dtype:
        raise AttendError(f"{name}: dtype is {array.dtype}; it must be {np.dtype(dtype)}")
    if array.ndim != len(shape) or any(a not in (b, None) for a, b in zip(shape, array.shape, strict=True)):
        raise AttendError(f"{name}: shape is {array.shape}; it must be {shape_text} with n = {shape[0]} images")


def _refuse(bad: np.ndarray, line: str) -> None:
    """Raise `line` with the index of the first image that has anything bad."""
    if bad.any():
        raise AttendError(line.format(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0]))
