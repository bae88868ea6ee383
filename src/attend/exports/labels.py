"""Label images, whose pixels tell their object: TIFF files that Fiji, napari, CellProfiler and QuPath open."""

import csv
import os
from pathlib import Path

import numpy as np
import tifffile

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, each_image
from attend.files import atomic_folder


def write_labels(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `NAME.tif` for each image, and `presence.csv`.

    In the label images 0 is background and k the k-th object, from 1, in pixels of the picture in the file; where
    objects overlap, the first one wins. They have 16 bits a pixel, and 32 where there are more than 65,535 objects.
    `presence.csv` has, for each `image` and `label`, the probability `presence` that the object exists.

    Raises:
        AttendError: there are no masks, or the folder cannot be written.
    """
    with atomic_folder(path) as folder, (folder / "presence.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("image", "label", "presence"))
        for piece, row, path_of_one in each_image(results, folder, ".tif"):
            _write_one(piece, row, path_of_one)
            for found in piece.objects(row):
                table.writerow((piece.name(row), found.index + 1, round(found.presence, 6)))


def _write_one(piece: Results, row: int, file: Path) -> None:
    labels = piece.labels(row)
    kind = np.uint16 if piece.listed[row] <= np.iinfo(np.uint16).max else np.uint32
    scale = {}
    if piece.pixel_size is not None:
        scale = {"resolution": (1e4 / piece.pixel_size,) * 2, "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(file, labels.astype(kind), photometric="minisblack", compression="zlib", **scale)


exports.register("labels")(Export(write_labels, masks=True))
