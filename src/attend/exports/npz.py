"""The whole posterior as arrays, which `Scenes.from_npz` reads."""

import os
import zipfile

import numpy as np

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults
from attend.files import atomic_file


def write_npz(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the scenes as inference saw and found them: inverted where it was, boxes in pixels of its images.

    As `Scenes.to_npz` does, but of no array more than a piece is in memory.
    """
    n, width, fields = 0, 0, {}
    for piece in results.pieces():
        n += len(piece.scenes)
        width = max(width, *map(len, piece.scenes.names or [""]))
        fields = piece.scenes.arrays()
        if piece.scenes.names is not None:
            fields["names"] = np.array(piece.scenes.names)
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, last in fields.items():
            dtype = np.dtype(f"U{width}") if name == "names" else last.dtype
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = np.lib.format.header_data_from_array_1_0(np.empty((0, *last.shape[1:]), dtype))
                np.lib.format.write_array_header_1_0(member, header | {"shape": (n, *last.shape[1:])})
                for piece in results.pieces():
                    member.write(np.asarray(getattr(piece.scenes, name), dtype).tobytes())


exports.register("npz")(Export(write_npz, suffix=".npz", pixels=True))
