"""Every image with the outlines of its objects drawn on it, as PNG files."""

import os

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from attend.exports.crops import as_image
from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, each_image
from attend.files import atomic_folder
from attend.masks import contours_over

SHORTEST, LONGEST = 512, 2048
"""Pixels of the sides of an overlay: a smaller image is enlarged by a whole number, within the second."""

OBJECT = 32
"""And enlarged so that the median object is so many pixels wide, while it stays within `LONGEST`."""

NUMBERED = 32
"""Objects whose box has at least so many pixels along both sides in the overlay have their number beside them."""

DIM = 0.5
"""An image that uses less than this share of the range from black to white is stretched to all of it."""


def write_overlays(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `NAME.png` for each image: the outlines of its objects, numbered from 1 where there is room.

    Objects are outlined by their masks or, where there are none, by their boxes. The image is that which inference
    saw, enlarged if it or its objects are small, and stretched if it is dim.
    """
    with atomic_folder(path) as folder:
        for piece, row, file in each_image(results, folder, ".png"):
            overlay(piece, row).save(file)


def overlay(results: Results, row: int) -> Image.Image:
    """One image with the outlines of its objects."""
    from attend.figures import step_colour  # here because matplotlib takes long to load

    count = results.listed[row]
    boxes = results.scenes.boxes[row, :count]
    image = as_image(visible(results.picture(row))).convert("RGB")
    zoom = _zoom(image.size, boxes)
    image = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for index, box in enumerate(boxes * zoom):
        colour = step_colour(index)
        x0, y0, wide, high = box.tolist()
        if results.scenes.masks is None:
            draw.rectangle((x0, y0, x0 + max(wide, 0), y0 + max(high, 0)), outline=colour, width=2)
        else:
            for ring in contours_over(results.scenes.masks[row, index], box, (0, 0, *image.size)):
                draw.line([*map(tuple, ring.tolist())], fill=colour, width=2)
        if min(wide, high) >= NUMBERED:
            draw.text((x0 + 4, y0 + 2), str(index + 1), fill=colour)
    return image


def visible(pixels: UInt8[np.ndarray, "height width channel"]) -> UInt8[np.ndarray, "height width channel"]:
    """An image that a person can see: as it is or, if it is dim or pale, stretched to the range of its pixels.

    One pixel in a thousand may be lighter than white, and one darker than black.
    """
    low, high = np.percentile(pixels, (0.1, 99.9))
    if not 0 < high - low < DIM * 255:
        return pixels
    return np.round(255 * ((pixels - low) / (high - low)).clip(0, 1)).astype(np.uint8)


def _zoom(size: tuple[int, int], boxes: np.ndarray) -> int:
    """By which an image of this width and height, with these boxes, is enlarged."""
    usual = float(np.median(np.sqrt(boxes[:, 2:].clip(1).prod(axis=1)))) if len(boxes) else OBJECT
    wanted = -(-max(SHORTEST / min(size), OBJECT / usual) // 1)
    return int(max(1, min(wanted, LONGEST // max(size))))


exports.register("overlays")(Export(write_overlays, pixels=True))
