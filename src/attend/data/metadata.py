"""What a TIFF of a microscope says of itself: the names of its channels and the size of a pixel."""

import contextlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree

MICROMETRES = {
    **dict.fromkeys(("µm", "μm", "um", "\\u00b5m", "micron", "microns", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("pm", "picometer"), 1e-6),
    **dict.fromkeys(("nm", "nanometer"), 1e-3),
    **dict.fromkeys(("mm", "millimeter"), 1e3),
    **dict.fromkeys(("cm", "centimeter"), 1e4),
    **dict.fromkeys(("m", "meter"), 1e6),
    **dict.fromkeys(("in", "inch"), 25_400.0),
}
"""How many micrometres a unit of length has."""


class Metadata(NamedTuple):
    """Of one series of planes.

    Attributes:
        channels: names, empty where a channel has none.
        pixel_um: height and width of a pixel in micrometres.
    """

    channels: tuple[str, ...] = ()
    pixel_um: tuple[float, float] | None = None


def ome_metadata(xml: str | None) -> list[Metadata]:
    """What OME-XML says of each `Image`, in order; nothing of XML that is damaged.

    The physical size of a pixel is in micrometres unless its unit is given (OME data model 2016-06).
    """
    try:
        images = [part for part in ElementTree.fromstring(xml or "") if part.tag.endswith("}Image")]
    except ElementTree.ParseError:
        return []
    found = []
    for image in images:
        pixels = next((part for part in image if part.tag.endswith("}Pixels")), None)
        if pixels is None:
            found.append(Metadata())
            continue
        names = tuple(part.get("Name", "") for part in pixels if part.tag.endswith("}Channel"))
        height, width = (
            _length(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YX"
        )
        found.append(Metadata(names, _pair(height, width)))
    return found


def imagej_metadata(values: Mapping[str, Any], tags: Any, channels: int) -> Metadata:
    """What ImageJ's own tags say: the resolution is in pixels per `unit`, and each plane may have a label.

    Args:
        values: as tifffile reads them.
        tags: of the first page.
        channels: how many there are. Of every plane's label the first ones are theirs, as ImageJ counts channels first.
    """
    sizes = []
    for name in ("YResolution", "XResolution"):
        pixels, lengths = getattr(tags.get(name), "value", None) or (0, 1)
        sizes.append(_length(lengths / pixels if pixels else None, str(values.get("unit", ""))))
    labels = values.get("Labels") or []
    if isinstance(labels, str):
        labels = [labels]
    own = [re.sub(r"^c:\d+/\d+[^-]* - ", "", str(label)) for label in labels[:channels]]
    counted = all(str(label).startswith("c:") for label in labels[:channels])
    return Metadata(tuple(own) if len(own) == channels and (counted or len(labels) == channels) else (), _pair(*sizes))


def _length(value: Any, unit: str) -> float | None:
    """In micrometres, if it is a length."""
    with contextlib.suppress(TypeError, ValueError):
        found = float(value) * MICROMETRES.get(unit.strip().lower(), 0.0)
        if 0 < found < float("inf"):
            return found
    return None


def _pair(height: float | None, width: float | None) -> tuple[float, float] | None:
    return None if height is None or width is None else (height, width)
