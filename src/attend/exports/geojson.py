"""Outlines of objects as GeoJSON, which QuPath opens."""

import json
import os
from pathlib import Path
from typing import Any

from attend.errors import AttendError
from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, each_image
from attend.files import atomic_file, atomic_folder


def write_geojson(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `NAME.geojson` for each image: a feature collection with a polygon for each object.

    An object of several parts is a multipolygon. Coordinates are in pixels of the picture in the file. The `name` of
    the k-th object is k, and its `measurements` have `presence`, the probability that it exists. An object that has no
    pixel in the picture is left out.

    Raises:
        AttendError: there are no masks, or the folder cannot be written.
    """
    with atomic_folder(path) as folder:
        for piece, row, file in each_image(results, folder, ".geojson"):
            file.write_text(json.dumps(features(piece, row)))


def write_one_geojson(results: AnyResults, path: str | os.PathLike) -> None:
    """Write the objects of a single image as one file, as `write_geojson` does.

    Raises:
        AttendError: there are no masks, there is more than one image, or the file cannot be written.
    """
    images = len(results.stems())
    if images != 1:
        folder = Path(path).with_suffix("")
        raise AttendError(f"{path}: is a file for 1 image, here are {images}; give --out {folder} --format geojson")
    (piece,) = results.pieces()
    with atomic_file(path) as file:
        file.write(json.dumps(features(piece, 0)).encode())


def features(piece: Results, row: int) -> dict[str, Any]:
    """The feature collection of one image, as Python values that JSON can hold."""
    found = [(found, [ring.round(3).tolist() for ring in piece.contours(found)]) for found in piece.objects(row)]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": rings}
                if len(rings) == 1
                else {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]},
                "properties": {
                    "objectType": "detection",
                    "name": str(one.index + 1),
                    "measurements": {"presence": round(one.presence, 6)},
                },
            }
            for one, rings in found
            if rings
        ],
    }


exports.register("geojson")(Export(write_geojson, masks=True))
exports.register("geojson-file")(Export(write_one_geojson, suffix=".geojson", masks=True))
