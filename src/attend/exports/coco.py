"""COCO's JSON: as detections with their scores, or as annotations for a person to correct."""

import json
import os
from typing import Any

from attend.exports.export import Export, exports
from attend.exports.results import Found, Results, rounded
from attend.files import atomic_file


def write_coco(results: Results, path: str | os.PathLike) -> None:
    """Write the objects as COCO detections.

    Objects 1..count of each image become annotations with `presence` as their score; the images also carry `count`
    and `count_probs`. Boxes are in pixels of the pictures in the files and may reach beyond those. Numbers start at
    1, since COCO's tools read 0 as "none".
    """
    scenes = results.scenes
    images = [
        _image(results, row) | {"count": int(count), "count_probs": rounded(probs)}
        for row, (count, probs) in enumerate(zip(scenes.counts, scenes.count_probs, strict=True))
    ]
    annotations = []
    for row in range(len(scenes)):
        for found in results.objects(row):
            annotation = _annotation(len(annotations), found, rounded(found.box))
            annotations.append(annotation | {"score": round(found.presence, 6)})
    _write(path, results, images, annotations)


def write_proposals(results: Results, path: str | os.PathLike) -> None:
    """Write the objects as a COCO data set to be corrected, say in CVAT or Label Studio.

    As `write_coco`, but as annotations made by hand are: boxes end at the border of the picture, those wholly
    outside are left out, and there is no score, since a person will have looked. The presence probability is among
    the `attributes`, to sort by where the tool can.
    """
    images = [_image(results, row) for row in range(len(results.scenes))]
    annotations = []
    for row in range(len(results.scenes)):
        for found in results.objects(row):
            if (box := results.inside(found)) is not None:
                annotation = _annotation(len(annotations), found, box)
                extras = {"segmentation": [], "attributes": {"presence": round(found.presence, 6)}}
                annotations.append(annotation | extras)
    _write(path, results, images, annotations)


def _image(results: Results, row: int) -> dict[str, Any]:
    width, height = results.size(row)
    return {"id": row + 1, "file_name": results.name(row), "width": width, "height": height}


def _annotation(number: int, found: Found, box: list[float]) -> dict[str, Any]:
    return {
        "id": number + 1,
        "image_id": found.row + 1,
        "category_id": 1,
        "bbox": box,
        "area": round(box[2] * box[3], 6),
        "iscrowd": 0,
    }


def _write(path: str | os.PathLike, results: Results, images: list, annotations: list) -> None:
    coco = {
        "info": {"description": "Objects inferred by attend", "files_skipped": results.skipped},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "object"}],
    }
    with atomic_file(path) as file:
        file.write(json.dumps(coco).encode())


exports.register("coco")(Export(write_coco, suffix=".json"))
exports.register("proposals")(Export(write_proposals, suffix=".json"))
