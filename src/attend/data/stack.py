"""What one file holds, by its axes, and the pictures that the rules make of it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from attend.data.rules import Rules
from attend.errors import AttendError

COLOURS = ("red", "green", "blue")


class Stack(NamedTuple):
    """Planes of one size from one file.

    Attributes:
        pixels: one channel (grey) or three (RGB) on the last axis; uint8, uint16 or float32. Before height and width
            there is an axis for each letter of `axes`.
        axes: `Z` for planes along z, `C` for channels of a microscope; all others, such as `T`, count images.
        channels: the names of the channels along `C`, as far as the file gives them.
        pixel_um: height and width of a pixel in micrometres, if the file says so.
        remark: what a user should know of how the file was read.
    """

    pixels: Shaped[np.ndarray, "*_axes _height _width _channel"]
    axes: str = ""
    channels: tuple[str, ...] = ()
    pixel_um: tuple[float, float] | None = None
    remark: str | None = None


def pictures(stack: Stack, rules: Rules) -> list[Shaped[np.ndarray, "_height _width _channel"]]:
    """One channel, or a picture in colours; z by the rule `project`; every other axis gives one picture after another.

    The mean of whole numbers is rounded. A picture whose three colours are equal everywhere comes out grey.

    Raises:
        AttendError: there is no such channel as the rules ask for. The line does not say in which file.
    """
    pixels, axes = stack.pixels, stack.axes
    if "C" in axes:
        pixels = pixels.take(_chosen(stack, rules), axes.index("C"))
        axes = axes.replace("C", "")
    if "Z" in axes and rules.project != "none":
        axis = axes.index("Z")
        if rules.project == "max":
            pixels = pixels.max(axis)
        else:
            mean = pixels.mean(axis, dtype=np.float64)
            pixels = (mean if pixels.dtype.kind == "f" else np.round(mean)).astype(pixels.dtype)
    found = [_grey_or_colour(picture) for picture in pixels.reshape(-1, *pixels.shape[-3:])]
    if rules.channel is None or "C" in stack.axes:
        return found
    if all(picture.shape[2] == 1 for picture in found):
        return found
    number = _number(rules.channel, COLOURS, 3)
    return [picture[..., number : number + 1] if picture.shape[2] == 3 else picture for picture in found]


def notes(stack: Stack, rules: Rules) -> list[str]:
    """What was chosen for the user among several possibilities, a line each."""
    lines = [stack.remark] if stack.remark else []
    shape = dict(zip(stack.axes, stack.pixels.shape, strict=False))
    if rules.channel is None and shape.get("C", 1) > 1:
        lines.append(f"files hold {_listed(stack)}: channel 0 is read; --channel NUMBER or NAME takes another")
    if rules.project == "max" and shape.get("Z", 1) > 1:
        lines.append("stacks along z: the maximum of their planes is read; --project mean or none changes that")
    return lines


def _chosen(stack: Stack, rules: Rules) -> int:
    count = stack.pixels.shape[stack.axes.index("C")]
    if rules.channel is None or count == 1:
        return 0
    try:
        return _number(rules.channel, stack.channels, count)
    except AttendError:
        raise AttendError(f"holds {_listed(stack)}; --channel {rules.channel} is none of them") from None


def _number(channel: str | int, names: tuple[str, ...], count: int) -> int:
    """The number of a channel that is asked for by name or by number; upper and lower case are the same."""
    lower = [name.lower() for name in names]
    if str(channel).lower() in lower:
        return lower.index(str(channel).lower())
    try:
        number = int(channel)
    except ValueError:
        number = -1
    if not 0 <= number < count:
        raise AttendError(f"is a picture in colours; --channel {channel} is none of 0 red, 1 green, 2 blue")
    return number


def _listed(stack: Stack) -> str:
    """Such as `3 channels (0 DAPI, 1 GFP, 2 RFP)`."""
    count = stack.pixels.shape[stack.axes.index("C")]
    names = [*stack.channels, *[""] * count][:count]
    listed = ", ".join(f"{number} {name}".strip() for number, name in enumerate(names))
    return f"{count} channels ({listed})"


def _grey_or_colour(pixels: np.ndarray) -> np.ndarray:
    grey = (pixels == pixels[..., :1]).all()
    return pixels[..., :1] if grey else pixels
