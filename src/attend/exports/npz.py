"""The whole posterior as arrays, which `Scenes.from_npz` reads."""

import os

from attend.exports.export import Export, exports
from attend.exports.results import Results


def write_npz(results: Results, path: str | os.PathLike) -> None:
    """Write the scenes as inference saw and found them: inverted where it was, boxes in pixels of its images."""
    results.scenes.to_npz(path)


exports.register("npz")(Export(write_npz, suffix=".npz"))
