"""The objects of an image of any size: what q and p say of each, tile by tile."""

import contextlib
import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int32
from scipy import ndimage

from attend.ahead import ahead, cores
from attend.dreams import ellipses
from attend.field import REACH, FieldNetwork, Instances, Said, chosen, covered, instances, look, renumbered
from attend.finding.calibration import LEAST
from attend.finding.kind import Natural, in_unit
from attend.finding.pixels import dim, refined
from attend.finding.views import View
from attend.masks import SAMPLES
from attend.photometry import NATURAL, Part

TILE = 1536
"""Natural pixels along the sides of what is looked at together, at most, about."""

MARGIN = REACH + 32
"""Of those, pixels beyond a tile's own that are seen with it: those that have a say in what q says of its objects."""

WHAT = ("log_diameter", "log_contrast", "elongation", "texture")
"""What is told of every object's looks: the logarithms of its diameter and contrast in terms of the usual ones, of how
many times as long as wide it is, and the relative deviation of its brightness."""


class Objects(NamedTuple):
    """Objects of one image, in natural pixels of the whole of it.

    Attributes:
        middles: row and column of each.
        scores: how sure q is of each, from 0 to 1.
        boxes: x0, y0, width, height.
        blur: by how much the pixels of each disagree on its middle.
        what: the numbers that `WHAT` names.
        masks: of each over its box.
        patches: the pixels of the file there.
    """

    middles: Float[np.ndarray, "n 2"]
    scores: Float[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n 4"]
    blur: Float[np.ndarray, " n"]
    what: Float[np.ndarray, "n what"]
    masks: Float[np.ndarray, "n samples samples"]
    patches: Float[np.ndarray, "n samples samples channels"]


class Tile(NamedTuple):
    """A part of an image: its own pixels, and all that are seen with them."""

    own: Part
    seen: Part


def no_objects(channels: int) -> Objects:
    """Those of an image in which there are none."""
    masks = np.zeros((0, SAMPLES, SAMPLES))
    patches = np.zeros((0, SAMPLES, SAMPLES, channels))
    return Objects(
        np.zeros((0, 2)), np.zeros(0), np.zeros((0, 4)), np.zeros(0), np.zeros((0, len(WHAT))), masks, patches
    )


def objects_in(
    network: FieldNetwork, view: View, turns: int = 1, first: Said | None = None
) -> tuple[Objects, Int32[np.ndarray, "rows columns"]]:
    """The objects of an image, and its label image, in natural pixels.

    A large image is looked at in tiles that overlap, so that memory beyond that of the label image does not grow with
    it. An object is taken from the tile in which its middle lies; two tiles say the same of what both see, but for
    what is nearer than `REACH` to the border of one of them (the overlap-tile strategy of Ronneberger et al. 2015,
    "U-Net", section 2).

    Args:
        network: q.
        view: the image.
        turns: as of `look`.
        first: what a single look at the whole image has said already, if there was one and the image is one tile.
    """
    labels = np.zeros(view.shape, np.int32)
    found: list[Objects] = []
    n = 0

    def objects(tile: Tile) -> tuple[Tile, Objects, np.ndarray]:
        return tile, *_objects(network, view, tile, turns, first)

    places = tiles(view.shape)
    first = first if len(places) == 1 else None
    with contextlib.closing(ahead(objects, places, cores() + 1)) as done:
        for tile, some, own in done:
            part = labels[tile.seen]
            np.copyto(part, own + n, where=(own > 0) & (part == 0))
            found.append(some)
            n += len(some.scores)
    every = Objects(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    kept = ~dim(every.scores, every.what[:, WHAT.index("log_contrast")])
    if not kept.all():
        labels = renumbered(labels, kept)
    return Objects(*(part[kept] for part in every)), labels


def tiles(sides: tuple[int, int]) -> list[Tile]:
    """Equal parts of an image of so many rows and columns, which begin where cells of the network do."""
    own, seen = [], []
    for side in sides:
        n = 1 if side <= TILE else -(-side // (TILE - 2 * MARGIN))
        each = -(-side // (8 * n)) * 8
        parts = [slice(start, min(start + each, side)) for start in range(0, side, each)]
        own.append(parts)
        seen.append([slice(max(0, part.start - MARGIN), min(side, part.stop + MARGIN)) for part in parts])
    return [Tile(*parts) for parts in zip(itertools.product(*own), itertools.product(*seen), strict=True)]


def _objects(
    network: FieldNetwork, view: View, tile: Tile, turns: int, first: Said | None
) -> tuple[Objects, np.ndarray]:
    """The objects whose middles are a tile's own, and the label image of all that is seen with it."""
    seen = view.part(tile.seen)
    said = look(network, seen.seen, turns, first)
    found = refined(instances(*said, least=LEAST), said, seen)
    corner = np.array([part.start for part in tile.seen])
    low, high = np.array([(part.start, part.stop) for part in tile.own]).T
    own = np.all((found.middles + corner >= low) & (found.middles + corner < high), axis=1)
    if not own.all():
        found = chosen(found, own)
    boxes = found.boxes()
    masks, patches = _masks(found, boxes, view, corner)
    boxes = boxes + np.array([*corner[::-1], 0, 0])
    blur, what = _blur(found, said), _what(found, seen)
    return Objects(found.middles + corner, found.scores, boxes, blur, what, masks, patches), found.labels


def _masks(found: Instances, boxes: np.ndarray, view: View, corner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each object's mask over its box, and the pixels there; its labels begin at a corner of the image."""
    index = np.arange(1, len(found.areas) + 1)[:, None, None]
    places = (np.arange(SAMPLES) + 0.5) / SAMPLES
    x0, y0, wide, high = (side[:, None] for side in boxes.T)
    y, x = y0 + places * high - 0.5, x0 + places * wide - 0.5
    masks = np.zeros((len(index), SAMPLES, SAMPLES), np.float32)
    for row, beside in _neighbours(y, found.labels.shape[0]):
        for column, share in _neighbours(x, found.labels.shape[1]):
            there = row[:, :, None], column[:, None, :]
            own = covered(found.labels[there], found.alpha[there], index)
            masks += own * (beside[:, :, None] * share[:, None, :]).astype(np.float32)
    most = masks.max(axis=(1, 2), keepdims=True, initial=0.5)
    masks = 0.5 + (masks - 0.5) * (0.5 / np.maximum(most - 0.5, 1e-3))  # the outline stays at half of the greatest
    image = view.image
    rows = ((y + corner[0] + 0.5) * view.step[0]).astype(int).clip(0, image.shape[0] - 1)
    columns = ((x + corner[1] + 0.5) * view.step[1]).astype(int).clip(0, image.shape[1] - 1)
    return masks.clip(0, 1), in_unit(image[rows[:, :, None], columns[:, None, :]])


def _neighbours(places: np.ndarray, pixels: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The pixels on either side of places along one axis, and their weights in a linear interpolation."""
    below = np.floor(places)
    share = places - below
    low, high = (np.clip(one, 0, pixels - 1).astype(int) for one in (below, below + 1))
    return (low, 1 - share), (high, share)


def _blur(found: Instances, said: Said) -> Float[np.ndarray, " n"]:
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
    across, along = np.linalg.eigvalsh(ellipses(found.labels)[1]).T
    ratio = np.sqrt(along / np.maximum(across, 1 / 12))
    diameter = np.sqrt(4 * found.areas / np.pi) / NATURAL
    return np.stack([np.log(diameter), np.log(mean.clip(1e-3)), np.log(ratio), spread / mean.clip(1e-3)], axis=1)
