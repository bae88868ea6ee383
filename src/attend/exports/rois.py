"""Outlines of objects as archives of ROIs, which the ROI Manager of ImageJ and Fiji opens."""

import os
import zipfile
from collections.abc import Iterator

import numpy as np

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, each_image
from attend.files import atomic_folder


def write_rois(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `NAME.zip` for each image: a polygon for each part of each object; it needs roifile.

    The k-th object is called `0001`, `0002`, ..., and further parts of one `0001-2`. Its properties have `presence`,
    the probability that it exists. Coordinates are in pixels of the picture in the file. An object that has no pixel
    there has no ROI.

    Raises:
        AttendError: there are no masks, or the folder cannot be written.
    """
    with atomic_folder(path) as folder:
        for piece, row, file in each_image(results, folder, ".zip"):
            with zipfile.ZipFile(file, "w") as archive:
                for name, roi in _rois(piece, row):
                    archive.writestr(zipfile.ZipInfo(f"{name}.roi"), roi)  # of no date, so that bytes are the same


def _rois(piece: Results, row: int) -> Iterator[tuple[str, bytes]]:
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    for found in piece.objects(row):
        for part, ring in enumerate(piece.contours(found)):
            name = f"{found.index + 1:04}" + (f"-{part + 1}" if part else "")
            roi = ImagejRoi.frompoints(ring[:-1].astype(np.float32), name=name)
            roi.roitype = ROI_TYPE.POLYGON
            roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
            roi.props = f"presence: {found.presence:.6f}\n"
            yield name, roi.tobytes()


exports.register("rois")(Export(write_rois, needs="roifile", masks=True))
