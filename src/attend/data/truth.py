"""What is true of images: a folder `images/` and beside it `truth.json`, or label images in `labels/`, or both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Float, Int32
from PIL import Image
from scipy import ndimage

from attend.errors import AttendError

TRUTH, LABELS, IMAGES = "truth.json", "labels", "images"

SUFFIXES = (".png", ".tif", ".tiff")
"""Of label images."""


@dataclass(frozen=True)
class ImageTruth:
    """What is true of one image.

    Attributes:
        count: how many objects there are.
        boxes: x0, y0, width, height in pixels, if they are known.
        points: the middle of each object, x and y in pixels, if they are known.
        label_file: the file of its label image, if there is one.
    """

    count: int
    boxes: Float[np.ndarray, "objects 4"] | None = None
    points: Float[np.ndarray, "objects 2"] | None = None
    label_file: Path | None = None

    def labels(self) -> Int32[np.ndarray, "height width"] | None:
        """The label image: 0 is background, and every object has a number of its own; None where there is none.

        Raises:
            AttendError: the file cannot be read, or holds no such image.
        """
        return None if self.label_file is None else read_labels(self.label_file)


def truth_beside(source: str) -> tuple[Path, Path] | None:
    """The folder of images that `source` means and the one that holds their truth; None where there is no truth.

    `source` is the folder that holds both, or its folder `images`.
    """
    folder = Path(source)
    for images, holder in ((folder / IMAGES, folder), (folder, folder.parent)):
        known = (holder / TRUTH).is_file() or (holder / LABELS).is_dir()
        if images.name == IMAGES and images.is_dir() and known:
            return images, holder
    return None


def read_truth(folder: Path) -> dict[str, ImageTruth]:
    """The truth of the images of a folder, by their file names.

    `truth.json` has for each image's name an object with `count`, `boxes` (x0, y0, width, height) or `points` (x, y),
    in pixels. `labels/` has for an image a PNG or TIFF of its name but for the suffix, of 8, 16 or 32 bits. Boxes and
    the count are those of the label image where `truth.json` tells none.

    Raises:
        AttendError: neither is there, or a file is damaged or says something else.
    """
    labels = {path.stem: path for path in sorted((folder / LABELS).glob("*")) if path.suffix.lower() in SUFFIXES}
    told = _read_json(folder / TRUTH) if (folder / TRUTH).exists() else {name: {} for name in labels}
    if not told:
        raise AttendError(f"{folder}: holds no truth; it must have {TRUTH}, or label images in {LABELS}")
    return {
        name: _one(f"{folder / TRUTH}: {name}", entry, labels.get(PurePosixPath(name).stem))
        for name, entry in told.items()
    }


def truth_of(name: str, truth: Mapping[str, ImageTruth]) -> ImageTruth | None:
    """The truth of the image of a name: under that name, the name without its folders, or that without its suffix."""
    path = PurePosixPath(name.replace("\\", "/"))
    return next((truth[key] for key in (name, path.name, path.stem) if key in truth), None)


def read_labels(path: Path) -> Int32[np.ndarray, "height width"]:
    """A label image of a PNG or TIFF file.

    Raises:
        AttendError: it cannot be read, or is no image of whole numbers, of one channel and not below 0.
    """
    try:
        if path.suffix.lower() == ".png":
            with Image.open(path) as image:
                labels = np.asarray(image)
        else:
            labels = tifffile.imread(path)
    except Exception as error:  # readers of images raise many kinds
        raise AttendError(f"{path}: cannot be read ({error})") from error
    if labels.ndim != 2 or labels.dtype.kind not in "iub" or not labels.size or labels.min() < 0:
        raise AttendError(
            f"{path}: is {labels.dtype} of shape {labels.shape}; a label image has whole numbers from 0 in one channel"
        )
    return labels.astype(np.int32)


def boxes_of(labels: Int32[np.ndarray, "height width"]) -> Float[np.ndarray, "objects 4"]:
    """The box of each object of a label image, x0, y0, width, height in pixels, in the order of their numbers."""
    found = [slices for slices in ndimage.find_objects(labels) if slices is not None]
    return np.array([(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in found], float).reshape(-1, 4)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AttendError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(told, dict) or not all(isinstance(entry, dict) for entry in told.values()):
        raise AttendError(f"{path}: must be an object with an object for each image's name")
    return told


def _one(where: str, entry: dict[str, Any], label_file: Path | None) -> ImageTruth:
    boxes, points = _numbers(where, entry, "boxes", 4), _numbers(where, entry, "points", 2)
    count = entry.get("count")
    if boxes is None and label_file is not None:
        boxes = boxes_of(read_labels(label_file))
    if count is None:
        known = points if points is not None else boxes
        if known is None:
            raise AttendError(f"{where}: tells nothing; it must have count, boxes or points, or a label image")
        count = len(known)
    if not isinstance(count, int) or count < 0:
        raise AttendError(f"{where}: count is {count!r}; it must be a whole number, 0 or more")
    return ImageTruth(count, boxes, points, label_file)


def _numbers(where: str, entry: dict[str, Any], field: str, width: int) -> np.ndarray | None:
    if entry.get(field) is None:
        return None
    try:
        rows = np.array(entry[field], float).reshape(len(entry[field]), width)
        if not np.isfinite(rows).all():
            raise ValueError
    except (TypeError, ValueError):
        raise AttendError(f"{where}: {field} must be a list with {width} numbers for each object") from None
    return rows
