"""YOLO's text files: one for each image, one line for each object."""

import os
from collections.abc import Iterator

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, each_image
from attend.files import atomic_folder


def write_yolo(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `classes.txt` and, in `labels/`, a file for each image, empty where it has no object.

    A line is the class, then the box as the x and y of its middle, its width and its height, all as fractions of the
    picture. There is one class, `object`; of objects that were grouped, one for each group. What reaches beyond the
    picture is cut off.
    """
    clusters = [piece.clusters for piece in results.pieces() if piece.clusters is not None]
    most = max((int(piece.max(initial=0)) for piece in clusters), default=None)
    classes = ["object"] if most is None else [f"cluster-{cluster}" for cluster in range(most + 1)]
    with atomic_folder(path) as folder:
        (folder / "classes.txt").write_text("".join(f"{name}\n" for name in classes))
        for piece, row, file in each_image(results, folder / "labels", ".txt"):
            file.write_text("".join(_lines(piece, row)))


def _lines(piece: Results, row: int) -> Iterator[str]:
    width, height = piece.size(row)
    for found in piece.objects(row):
        if (box := piece.inside(found)) is not None:
            x0, y0, wide, high = box
            numbers = (x0 + wide / 2) / width, (y0 + high / 2) / height, wide / width, high / height
            yield f"{found.cluster or 0} {' '.join(f'{number:.6f}' for number in numbers)}\n"


exports.register("yolo")(Export(write_yolo))
