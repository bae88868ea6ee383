"""From what q says of an image to `Scenes`: objects in pixels of the file, with masks and what can be said of each."""

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from attend.field import Instances, Said, instances
from attend.finding.calibration import LEAST, Calibration
from attend.finding.kind import Natural
from attend.finding.pixels import alike, refined
from attend.masks import SAMPLES
from attend.photometry import NATURAL
from attend.scenes import Scenes

WHERE = ("scale", "x", "y")
WHAT = ("log_diameter", "log_contrast", "elongation", "texture")
"""What is told of every object's looks: the logarithms of its diameter and contrast in terms of the usual ones, of how
many times as long as wide it is, and the relative deviation of its brightness."""


def scene_of(
    image: UInt8[np.ndarray, "rows columns channels"],
    seen: Natural,
    said: Said,
    calibration: Calibration,
    name: str | None = None,
) -> Scenes:
    """One image's scene; its objects are in order of falling presence."""
    found = alike(refined(instances(*said, least=LEAST), said, seen), seen)
    presence = calibration.presence(found.scores)
    count_probs = calibration.count_probs(presence)
    n, rows = len(presence), len(count_probs) - 1
    order = np.argsort(-presence, kind="stable")
    masks, patches = _masks(image, found, seen)
    boxes = found.boxes * np.tile(seen.step[::-1], 2)
    middles = (found.middles + 0.5) * seen.step  # rows, columns from the corner, in pixels of the file
    shorter, size = min(seen.size), np.array(seen.size)
    scale = np.sqrt(boxes[:, 2] * boxes[:, 3]) / shorter
    blur = _scatter(found, said) * seen.step.mean()
    where = np.stack([scale, *(2 * middles / size - 1).T[::-1]], axis=1)
    where_sd = np.stack([blur / shorter, *(2 * blur[:, None] / size).T[::-1]], axis=1)

    def ordered(array: np.ndarray) -> np.ndarray:
        full = np.zeros((1, rows, *array.shape[1:]), np.float32)
        full[0, :n] = array[order]
        return full

    pixels = image.astype(np.float32) / 255
    what = _what(found, seen)
    return Scenes(
        images=pixels[None],
        reconstructions=_painted(pixels, found, seen)[None],
        where=ordered(where),
        where_sd=ordered(where_sd),
        what=ordered(what),
        what_sd=ordered(np.zeros_like(what)),
        count_probs=count_probs[None],
        boxes=ordered(boxes),
        patches=ordered(patches),
        masks=ordered(masks),
        names=None if name is None else (name,),
        where_names=WHERE,
        what_names=WHAT,
    )


def _masks(image: np.ndarray, found: Instances, seen: Natural) -> tuple[np.ndarray, np.ndarray]:
    """Each object's mask over its box, and the pixels there."""
    masks = np.zeros((len(found.areas), SAMPLES, SAMPLES), np.float32)
    patches = np.zeros((len(found.areas), SAMPLES, SAMPLES, image.shape[2]), np.float32)
    places = (np.arange(SAMPLES) + 0.5) / SAMPLES
    for k, (x0, y0, wide, high) in enumerate(found.boxes):
        y, x = y0 + places * high - 0.5, x0 + places * wide - 0.5
        own = (found.labels[int(y0) : int(y0 + high), int(x0) : int(x0 + wide)] == k + 1).astype(np.float32)
        grid = np.meshgrid(y - y0, x - x0, indexing="ij")
        masks[k] = ndimage.map_coordinates(own, grid, order=1, mode="nearest")
        rows = ((y + 0.5) * seen.step[0]).astype(int).clip(0, image.shape[0] - 1)
        columns = ((x + 0.5) * seen.step[1]).astype(int).clip(0, image.shape[1] - 1)
        patches[k] = image[rows[:, None], columns] / 255
    return masks, patches


def _scatter(found: Instances, said: Said) -> Float[np.ndarray, " n"]:
    """By how much the pixels of each object disagree on its middle, in natural pixels."""
    rows, columns = np.nonzero(found.labels)
    owner = found.labels[rows, columns] - 1
    off = np.stack([rows, columns], axis=1) + said.offsets[rows, columns] - found.middles[owner]
    total = np.bincount(owner, np.square(off).sum(axis=1), len(found.areas))
    return np.sqrt(total / np.maximum(2 * found.areas, 1))


def _what(found: Instances, seen: Natural) -> Float[np.ndarray, "n what"]:
    """The numbers that `WHAT` names."""
    n, index = len(found.areas), np.arange(1, len(found.areas) + 1)
    if not n:
        return np.zeros((0, len(WHAT)), np.float32)
    mean = np.asarray(ndimage.mean(seen.contrast, found.labels, index))
    spread = np.asarray(ndimage.standard_deviation(seen.contrast, found.labels, index))
    rows, columns = np.nonzero(found.labels)
    owner = found.labels[rows, columns] - 1
    off = (
        np.stack([rows, columns], axis=1)
        - np.stack([np.bincount(owner, axis, n) / found.areas for axis in (rows, columns)], axis=1)[owner]
    )
    yy, xx, xy = (np.bincount(owner, a * b, n) / found.areas for a, b in ((off[:, 0],) * 2, (off[:, 1],) * 2, off.T))
    half, root = (yy + xx) / 2, np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    ratio = np.sqrt((half + root + 1 / 12) / np.maximum(half - root + 1 / 12, 1 / 12))
    diameter = np.sqrt(4 * found.areas / np.pi) / NATURAL
    return np.stack([np.log(diameter), np.log(mean.clip(1e-3)), np.log(ratio), spread / mean.clip(1e-3)], axis=1)


def _painted(pixels: np.ndarray, found: Instances, seen: Natural) -> np.ndarray:
    """p's mean of the image: what is around the objects, smooth, and each object in its own mean colour."""
    labels = labels_in_file(found, seen)
    index = np.arange(1, len(found.areas) + 1)
    outside = labels == 0
    sd = 2 * NATURAL * float(seen.step.mean())
    painted = np.empty_like(pixels)
    for channel in range(pixels.shape[2]):
        plane = pixels[..., channel]
        weight = ndimage.uniform_filter(outside.astype(np.float32), round(sd) | 1)
        around = ndimage.uniform_filter(np.where(outside, plane, 0), round(sd) | 1) / np.maximum(weight, 1e-6)
        around = np.where(weight > 1e-3, around, np.median(plane))
        means = np.concatenate([[0.0], ndimage.mean(plane, labels, index)]) if len(index) else np.zeros(1)
        painted[..., channel] = np.where(outside, around, np.nan_to_num(means)[labels])
    return painted


def labels_in_file(found: Instances, seen: Natural) -> np.ndarray:
    """The label image in pixels of the file."""
    rows, columns = (
        ((np.arange(full) + 0.5) / step).astype(int).clip(0, side - 1)
        for full, step, side in zip(seen.size, seen.step, found.labels.shape, strict=True)
    )
    return found.labels[rows[:, None], columns]
