"""The whole posterior as arrays, which `Scenes.from_npz` reads."""

import os
import zipfile

import numpy as np

from attend.errors import AttendError
from attend.exports.export import Export, exports
from attend.exports.results import AnyResults
from attend.files import atomic_file


def write_npz(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the scenes as inference saw and found them: inverted where it was, boxes in pixels of its images.

    As `Scenes.to_npz` does, but of no array more than a piece is in memory. Images with fewer objects than others get
    rows of zeros, which do not exist.

    Raises:
        AttendError: the images differ in size, or it cannot be written.
    """
    n, width, objects, fields, size = 0, 0, 0, {}, None
    for piece in results.pieces():
        n += len(piece.scenes)
        width = max(width, *map(len, piece.scenes.names or [""]))
        objects = max(objects, piece.scenes.boxes.shape[1])
        size = size or piece.scenes.images.shape[1:]
        if piece.scenes.images.shape[1:] != size:
            found, first = ("x".join(map(str, shape)) for shape in (piece.scenes.images.shape[1:], size))
            raise AttendError(
                f"{path}: .npz keeps images of one size; {piece.name(0)} is {found} and those before it {first}; "
                f"choose another format"
            )
        fields = piece.scenes.padded(objects).arrays()
        if piece.scenes.names is not None:
            fields["names"] = np.array(piece.scenes.names)
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, last in fields.items():
            dtype = np.dtype(f"U{width}") if name == "names" else last.dtype
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = np.lib.format.header_data_from_array_1_0(np.empty((0, *last.shape[1:]), dtype))
                np.lib.format.write_array_header_1_0(member, header | {"shape": (n, *last.shape[1:])})
                for piece in results.pieces():
                    member.write(np.asarray(getattr(piece.scenes.padded(objects), name), dtype).tobytes())


exports.register("npz")(Export(write_npz, suffix=".npz", pixels=True))
