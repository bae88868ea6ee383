"""YOLO's text files: one for each image, one line for each object."""

import os

from attend.exports.export import Export, exports
from attend.exports.results import Results
from attend.files import atomic_folder


def write_yolo(results: Results, path: str | os.PathLike) -> None:
    """Write a folder with `classes.txt` and, in `labels/`, a file for each image, empty where it has no object.

    A line is the class, then the box as the x and y of its middle, its width and its height, all as fractions of the
    picture. There is one class, `object`; of objects that were grouped, one for each group. What reaches beyond the
    picture is cut off.
    """
    classes = ["object"]
    if results.clusters is not None:
        classes = [f"cluster-{cluster}" for cluster in range(int(results.clusters.max(initial=0)) + 1)]
    with atomic_folder(path) as folder:
        (folder / "classes.txt").write_text("".join(f"{name}\n" for name in classes))
        for row, stem in enumerate(results.stems()):
            width, height = results.size(row)
            lines = []
            for found in results.objects(row):
                if (box := results.inside(found)) is not None:
                    x0, y0, wide, high = box
                    middle = (x0 + wide / 2) / width, (y0 + high / 2) / height
                    numbers = (*middle, wide / width, high / height)
                    lines.append(f"{found.cluster or 0} {' '.join(f'{number:.6f}' for number in numbers)}\n")
            file = folder / "labels" / f"{stem}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(lines))


exports.register("yolo")(Export(write_yolo))
