"""From the objects of one image to `Scenes`: in pixels of the file, with what p paints of them."""

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from scipy import ndimage

from attend.finding.calibration import Calibration
from attend.finding.kind import in_unit
from attend.finding.objects import WHAT, Objects
from attend.finding.views import View
from attend.photometry import NATURAL
from attend.scenes import Scenes

WHERE = ("scale", "x", "y")

STRIP = 1024
"""Rows of an image that are painted at a time."""


def scene_of(
    image: UInt8[np.ndarray, "rows columns channels"],
    view: View,
    found: Objects,
    labels: Int32[np.ndarray, "rows2 columns2"],
    calibration: Calibration,
    name: str | None = None,
) -> Scenes:
    """One image's scene; its objects are in order of falling presence.

    Args:
        image: in pixels of the file.
        view: of it.
        found: its objects.
        labels: in natural pixels.
        calibration: what the scores mean.
        name: of the image.
    """
    presence = calibration.presence(found.scores)
    count_probs = calibration.count_probs(presence, float(np.prod(view.shape)))
    n, rows = len(presence), len(count_probs) - 1
    order = np.argsort(-presence, kind="stable")
    step, size = view.step, np.array(image.shape[:2])
    boxes = found.boxes * np.tile(step[::-1], 2)
    middles = (found.middles + 0.5) * step  # rows, columns from the corner, in pixels of the file
    scale = np.sqrt(boxes[:, 2] * boxes[:, 3]) / size.min()
    blur = found.blur * step.mean()
    where = np.stack([scale, *(2 * middles / size - 1).T[::-1]], axis=1)
    where_sd = np.stack([blur / size.min(), *(2 * blur[:, None] / size).T[::-1]], axis=1)

    def ordered(array: np.ndarray) -> np.ndarray:
        full = np.zeros((1, rows, *array.shape[1:]), np.float32)
        full[0, :n] = array[order]
        return full

    pixels = in_unit(image)
    return Scenes(
        images=pixels[None],
        reconstructions=_painted(pixels, view, labels, n)[None],
        where=ordered(where),
        where_sd=ordered(where_sd),
        what=ordered(found.what),
        what_sd=ordered(np.zeros_like(found.what)),
        count_probs=count_probs[None],
        boxes=ordered(boxes),
        patches=ordered(found.patches),
        masks=ordered(found.masks),
        each_presence=ordered(presence),
        names=None if name is None else (name,),
        where_names=WHERE,
        what_names=WHAT,
    )


def _painted(pixels: Float32[np.ndarray, "h w c"], view: View, labels: np.ndarray, n: int) -> np.ndarray:
    """p's mean of the image: what is around the objects, smooth, and each object in its own mean colour."""
    high, wide, channels = pixels.shape
    columns = _natural(0, wide, view, 1)
    strips = [(first, min(first + STRIP, high)) for first in range(0, high, STRIP)]
    window = round(2 * NATURAL * float(view.step.mean())) | 1
    areas, totals = np.zeros(n + 1), np.zeros((channels, n + 1))
    for first, last in strips:
        own = labels[_natural(first, last, view, 0)[:, None], columns].ravel()
        areas += np.bincount(own, minlength=n + 1)
        for channel in range(channels):
            totals[channel] += np.bincount(own, pixels[first:last, :, channel].ravel(), n + 1)
    means = (totals / np.maximum(areas, 1)).astype(np.float32)
    medians = [np.median(pixels[..., channel]) for channel in range(channels)]
    painted = np.empty_like(pixels)
    for first, last in strips:
        start, end = max(0, first - window), min(high, last + window)
        own = labels[_natural(start, end, view, 0)[:, None], columns]
        outside = own == 0
        inner = slice(first - start, last - start)
        weight = ndimage.uniform_filter(outside.astype(np.float32), window)[inner]
        for channel in range(channels):
            plane = np.where(outside, pixels[start:end, :, channel], 0)
            around = ndimage.uniform_filter(plane, window)[inner] / np.maximum(weight, 1e-6)
            around = np.where(weight > 1e-3, around, medians[channel])
            painted[first:last, :, channel] = np.where(outside[inner], around, means[channel][own[inner]])
    return painted


def _natural(first: int, last: int, view: View, axis: int) -> np.ndarray:
    """The natural rows or columns in which those of the file lie."""
    places = (np.arange(first, last) + 0.5) / view.step[axis]
    return places.astype(int).clip(0, view.shape[axis] - 1)
