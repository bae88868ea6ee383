"""Every image with the boxes of its objects drawn on it, as PNG files."""

import os

from PIL import Image, ImageDraw

from attend.exports.crops import as_image
from attend.exports.export import Export, exports
from attend.exports.results import AnyResults, Results, each_image
from attend.files import atomic_folder

SHORTEST = 256
"""Pixels of the shorter side of an overlay, at least: a smaller image is enlarged by a whole number."""


def write_overlays(results: AnyResults, path: str | os.PathLike) -> None:
    """Write a folder with `NAME.png` for each image: its boxes, numbered from 1 in the order found.

    The boxes are drawn on the image at the size that inference saw, enlarged if it is small.
    """
    with atomic_folder(path) as folder:
        for piece, row, file in each_image(results, folder, ".png"):
            overlay(piece, row).save(file)


def overlay(results: Results, row: int) -> Image.Image:
    """One image with its boxes."""
    from attend.figures import step_colour  # here because matplotlib takes long to load

    image = as_image(results.picture(row)).convert("RGB")
    zoom = -(-SHORTEST // min(image.size))
    image = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for index in range(results.counts[row]):
        colour = step_colour(index)
        x0, y0, wide, high = (results.scenes.boxes[row, index] * zoom).tolist()
        draw.rectangle((x0, y0, x0 + max(wide, 0), y0 + max(high, 0)), outline=colour, width=2)
        draw.text((x0 + 4, y0 + 2), str(index + 1), fill=colour)
    return image


exports.register("overlays")(Export(write_overlays, pixels=True))
