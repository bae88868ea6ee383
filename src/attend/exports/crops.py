"""Every object cut out of its image, as PNG files."""

import math
import os

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results
from attend.files import atomic_folder


def write_crops(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `NAME-1.png`, `NAME-2.png`, ... for the objects of each image, in the order found.

    They are cut from the images at the size that inference saw. An object wholly outside its image has no file.
    """
    with atomic_folder(path) as folder:
        stems = results.stems()
        for piece in results.pieces():
            for row, count in enumerate(piece.listed):
                for index in range(count):
                    if (pixels := crop(piece, row, index)) is not None:
                        file = folder / f"{stems[piece.first + row]}-{index + 1}.png"
                        file.parent.mkdir(parents=True, exist_ok=True)
                        as_image(pixels).save(file)


def crop(results: Results, row: int, index: int) -> UInt8[np.ndarray, "height width channel"] | None:
    """The pixels that an object's box touches; None when there is none."""
    x0, y0, wide, high = results.scenes.boxes[row, index].tolist()
    rows = slice(max(0, math.floor(y0)), max(0, math.ceil(y0 + high)))
    columns = slice(max(0, math.floor(x0)), max(0, math.ceil(x0 + wide)))
    pixels = results.picture(row)[rows, columns]
    return pixels if pixels.size else None


def as_image(pixels: UInt8[np.ndarray, "height width channel"]) -> Image.Image:
    """Grey or RGB pixels as Pillow has them."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


exports.register("crops")(Export(write_crops, pixels=True))
