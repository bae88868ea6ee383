"""COCO's JSON: as detections with their scores, or as annotations for a person to correct."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Found, Results, rounded
from attend.exports.rle import segmentation
from attend.files import atomic_file

Row = dict[str, Any]
Rows = Callable[[Results], Iterator[Row]]


def write_coco(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the objects as COCO detections.

    Objects 1..count of each image become annotations with `presence` as their score; the images also carry `count`
    and `count_probs`. Boxes are in pixels of the pictures in the files and may reach beyond those. Numbers start at
    1, since COCO's tools read 0 as "none". Where masks are known, `segmentation` is that of the object, in compressed
    run lengths, and `area` the number of its pixels; else `area` is that of the box.
    """

    def images(piece: Results) -> Iterator[Row]:
        for row, (count, probs) in enumerate(zip(piece.counts, piece.scenes.count_probs, strict=True)):
            yield _image(piece, row) | {"count": int(count), "count_probs": rounded(probs)}

    def annotations(piece: Results) -> Iterator[Row]:
        for row in range(len(piece.scenes)):
            for found in piece.objects(row):
                annotation = _annotation(piece, found, rounded(found.box)) | _segmented(piece, found)
                yield annotation | {"score": round(found.presence, 6)}

    _write(path, results, images, annotations)


def write_proposals(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the objects as a COCO data set to be corrected, say in CVAT or Label Studio.

    As `write_coco`, but as annotations made by hand are: boxes end at the border of the picture, those wholly
    outside are left out, and there is no score, since a person will have looked. The presence probability is among
    the `attributes`, to sort by where the tool can.
    """

    def images(piece: Results) -> Iterator[Row]:
        return (_image(piece, row) for row in range(len(piece.scenes)))

    def annotations(piece: Results) -> Iterator[Row]:
        for row in range(len(piece.scenes)):
            for found in piece.objects(row):
                if (box := piece.inside(found)) is not None:
                    extras = {"segmentation": [], "attributes": {"presence": round(found.presence, 6)}}
                    yield _annotation(piece, found, box) | extras

    _write(path, results, images, annotations)


def _image(piece: Results, row: int) -> Row:
    width, height = piece.size(row)
    return {"file_name": piece.name(row), "width": width, "height": height}


def _annotation(piece: Results, found: Found, box: list[float]) -> Row:
    return {
        "image_id": piece.first + found.row + 1,
        "category_id": 1,
        "bbox": box,
        "area": round(box[2] * box[3], 6),
        "iscrowd": 0,
    }


def _segmented(piece: Results, found: Found) -> Row:
    if found.mask is None:
        return {}
    corner, mask = piece.mask(found)
    width, height = piece.size(found.row)
    return {"segmentation": segmentation(mask, corner, (height, width)), "area": int(mask.sum())}


def _write(path: str | os.PathLike, results: AnyResults, images: Rows, annotations: Rows) -> None:
    """One JSON object, of which no more than a row is in memory."""
    ends = {"info": {"description": "Objects inferred by attend", "files_skipped": results.skipped}, "licenses": []}
    with atomic_file(path) as file:
        file.write(json.dumps(ends)[:-1].encode())
        for name, rows in {"images": images, "annotations": annotations}.items():
            file.write(f', "{name}": ['.encode())
            for number, row in enumerate(row for piece in results.pieces() for row in rows(piece)):
                file.write((", " * (number > 0) + json.dumps({"id": number + 1} | row)).encode())
            file.write(b"]")
        file.write(b', "categories": [{"id": 1, "name": "object"}]}')


exports.register("coco")(Export(write_coco, suffix=".json", masks=True))
exports.register("proposals")(Export(write_proposals, suffix=".json"))
