"""Pictures inside the page: pixels as data URIs, with boxes drawn over them."""

import base64
import io
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure

from attend.exports.crops import as_image
from attend.figures import step_colour
from attend.report.html import Html, tag

EXACT, LARGEST = 64, 192
"""Pictures up to the first number of pixels a side are stored exactly; larger ones at most as large as the second,
unless told otherwise."""


def chart(figure: Figure, alt: str) -> Html:
    """A figure as a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=200)
    return tag("img", src=_data_uri("png", file.getvalue()), alt=alt)


def picture(
    pixels: UInt8[np.ndarray, "height width channel"],
    alt: str,
    boxes: Iterable[Float[np.ndarray, "4"]] = (),
    true_boxes: Iterable[Float[np.ndarray, "4"]] = (),
    largest: int = LARGEST,
) -> Html:
    """Pixels with boxes over them: found ones in the colours of their steps, true ones dashed.

    Of an image that is longer than `largest`, a smaller copy is shown.
    """
    height, width, _ = pixels.shape
    image = as_image(pixels)
    exact = max(width, height) <= EXACT
    image.thumbnail((largest, largest))
    file = io.BytesIO()
    image.save(file, "PNG" if exact else "JPEG")
    uri = _data_uri("png" if exact else "jpeg", file.getvalue())
    rendering = "image-rendering: pixelated" if exact else ""
    outlines = [_outline(box, class_="box true") for box in true_boxes]
    outlines += [_outline(box, class_="box", stroke=step_colour(step)) for step, box in enumerate(boxes)]
    return tag(
        "svg",
        tag("image", href=uri, width=width, height=height, style=rendering, preserveAspectRatio="none"),
        *outlines,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=alt,
    )


def _outline(box: Float[np.ndarray, "4"], **attributes: str) -> Html:
    x, y, width, height = (f"{side:.2f}" for side in box)
    return tag("rect", x=x, y=y, width=width, height=height, **attributes)


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
