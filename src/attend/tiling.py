"""Images larger than those that a model knows: looked at in overlapping tiles, every object found once.

An object is taken from the tile in whose inner part its middle lies (the overlap-tile strategy of Ronneberger et al.
2015, "U-Net", section 2). Since two tiles may see that middle a little apart, on either side of the seam, inner parts
are taken a margin wider, and of two boxes that then say the same the one seen worse is dropped (greedy suppression by
the overlap over the smaller box, as by Akyon et al. 2022, "Slicing Aided Hyper Inference", section 3).
"""

import dataclasses
import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from attend.data import to_channels
from attend.errors import AttendError
from attend.model import Model, as_float, as_images
from attend.p import Windows
from attend.scenes import Scenes

SURE = 0.5
"""An object of a tile is taken if it exists with more than this probability."""

MARGIN = 1 / 25
"""By how much of a tile its inner part, which is half as wide, is widened on either side.

As much as two tiles may disagree on the middle of an object; much more lets in what they make of objects that their
edges cut, which they complete at will.
"""

SAME = 0.5
"""Boxes from two tiles are of one object if they share this much of the smaller one."""

CHUNK = 256
"""Tiles that are looked at together."""

KEPT = ("boxes", "presence", "where", "where_sd", "what", "what_sd", "patches", "masks")
"""What is kept of an object."""


def infer_tiled(model: Model, images: Any, *, names: tuple[str, ...] | None = None) -> Scenes:
    """Count, locate and describe the objects in images that may be larger than those that the model knows.

    Tiles overlap by a half, so an object should not be larger than half an image that the model knows, and no tile
    should show more objects than the model's `max_objects`.

    The result is in pixels of the whole images, its objects in order of falling presence. The count of an image is the
    number of objects that exist with a probability above 1/2. `count_probs` is the distribution with that mode in
    which P(n >= t) is the presence of the t-th object: its mean, the sum of the presences, is the expected count; its
    spread is not that of independent tiles. Reconstructions are those of each tile's inner part.

    Args:
        model: of a renderer that paints patches into windows of the image.
        images: `(n, H, W, C)`, or `(n, H, W)` when grey, at least as large as the model's; uint8, or float in [0, 1].
            Or whatever `attend.data.as_images` makes such an array of, with a warning that says how.
        names: a name for each image, kept in the result.

    Raises:
        AttendError: the images are not such an array, or the model does not know windows of the image.
    """
    if not isinstance(model.p.renderer.where, Windows):
        raise AttendError("tile: the objects of this model are not in windows of the image; only those can be tiled")
    images, said = to_channels(as_images(images), model.size[2])
    if said:
        warnings.warn(said, stacklevel=2)
    height, width = images.shape[1:3]
    if height < model.size[0] or width < model.size[1]:
        least = f"{model.size[0]}x{model.size[1]}"
        raise AttendError(f"images: are {height}x{width} (height x width); a tile of this model takes {least}")
    scenes = [_infer_one(model, image) for image in images]
    return dataclasses.replace(Scenes.concatenate(scenes), names=names)


class Tiles(NamedTuple):
    """Where the tiles of an image lie, row by row. All are x, y in pixels.

    Attributes:
        corners: the top left pixel of each.
        low: where its inner part begins; those of all tiles cover the image without overlap.
        high: where that ends.
    """

    corners: Int[np.ndarray, "tiles 2"]
    low: Int[np.ndarray, "tiles 2"]
    high: Int[np.ndarray, "tiles 2"]


def tiles(size: tuple[int, int], tile: tuple[int, int]) -> Tiles:
    """The tiles of an image of `size`, each of size `tile` (height, width), that overlap by at least a half."""
    rows, columns = (_along(length, part) for length, part in zip(size, tile, strict=True))
    grids = (np.meshgrid(x, y) for x, y in zip(columns, rows, strict=True))
    return Tiles(*(np.stack([x.ravel(), y.ravel()], axis=1) for x, y in grids))


def _along(length: int, tile: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along one axis: the first pixel of each tile, and where its inner part begins and ends."""
    n = 1 + -(-2 * (length - tile) // tile)
    first = np.linspace(0, length - tile, n).astype(np.int64)
    seams = (first[1:] + first[:-1] + tile) // 2  # midway between the middles of two neighbours
    return first, np.concatenate([[0], seams]), np.concatenate([seams, [length]])


def _infer_one(model: Model, image: np.ndarray) -> Scenes:
    sides, size = np.array(model.size[1::-1]), np.array(image.shape[1::-1])  # of a tile and of the image: x, y
    grid = tiles(image.shape[:2], model.size[:2])
    reconstruction, found, tile = _look(model, image, grid)
    corners = grid.corners[tile]
    found["boxes"] += np.pad(corners, ((0, 0), (0, 2)))
    found["where"][:, 1:] = 2 * (corners + (found["where"][:, 1:] + 1) / 2 * sides) / size - 1
    found["where_sd"][:, 1:] *= sides / size
    for name in ("where", "where_sd"):
        found[name][:, 0] *= sides.min() / size.min()
    off = np.abs((_middles(found["boxes"]) - corners) / sides - 0.5).max(axis=1)
    once = _once(found["boxes"], tile, off)
    order = once[np.argsort(-found["presence"][once], kind="stable")]
    fields: dict[str, Any] = {name: array[order][None] for name, array in found.items()}
    presence = fields.pop("presence")
    return Scenes(
        images=as_float(image[None]),
        reconstructions=reconstruction[None],
        count_probs=-np.diff(presence, prepend=1, append=0).astype(np.float32),
        where_names=model.p.renderer.where.names,
        what_names=model.p.renderer.what.names,
        **fields,
    )


def _look(model: Model, image: np.ndarray, grid: Tiles) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """The image as painted by all tiles; the objects near their inner parts, in pixels of a tile; the tile of each."""
    # What seems to lie beyond the border of the image is taken as well.
    margin = MARGIN * np.array(model.size[1::-1])
    low = np.where(grid.low == 0, -np.inf, grid.low - margin)
    high = np.where(grid.high == image.shape[1::-1], np.inf, grid.high + margin)
    reconstruction = np.empty(image.shape, np.float32)
    parts: list[dict[str, np.ndarray]] = []
    tile = []
    for start in range(0, len(grid.corners), CHUNK):
        rows = np.arange(start, min(start + CHUNK, len(grid.corners)))
        scenes = _infer_some(model, image, grid.corners[rows])
        for row, painted in zip(rows, scenes.reconstructions, strict=True):
            (x, y), (x0, y0), (x1, y1) = (field[row] for field in grid)
            reconstruction[y0:y1, x0:x1] = painted[y0 - y : y1 - y, x0 - x : x1 - x]
        middles = _middles(scenes.boxes) + grid.corners[rows, None]
        near = ((low[rows, None] <= middles) & (middles < high[rows, None])).all(axis=2)
        of, index = np.nonzero(near & (scenes.presence > SURE) & (scenes.boxes[..., 2:] > 0).all(axis=2))
        parts.append({name: getattr(scenes, name)[of, index] for name in KEPT})
        tile.append(rows[of])
    return reconstruction, {name: np.concatenate([part[name] for part in parts]) for name in KEPT}, np.concatenate(tile)


def _infer_some(model: Model, image: np.ndarray, corners: np.ndarray) -> Scenes:
    high, wide, _ = model.size
    return model.infer(np.stack([image[y : y + high, x : x + wide] for x, y in corners]), filled=True)


def _middles(boxes: np.ndarray) -> np.ndarray:
    return boxes[..., :2] + boxes[..., 2:] / 2


def _once(boxes: np.ndarray, tile: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Indices of the boxes without those of objects that another tile saw nearer to its middle."""
    area = boxes[:, 2:].prod(axis=1)
    first, last = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    kept = np.empty(0, np.int64)
    for i in np.argsort(off, kind="stable"):
        shared = (np.minimum(last[i], last[kept]) - np.maximum(first[i], first[kept])).clip(0).prod(axis=1)
        same = shared >= SAME * np.minimum(area[i], area[kept])
        if not (same & (tile[kept] != tile[i])).any():
            kept = np.append(kept, i)
    return kept
