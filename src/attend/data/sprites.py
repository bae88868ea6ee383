"""Scenes of coloured shapes on black, drawn on the fly."""

from collections.abc import Callable, Sequence
from inspect import signature
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from attend.data.compose import VISIBLE, WHITE
from attend.data.layout import check_layout, tight_boxes
from attend.data.scenes_file import SceneData
from attend.data.splits import SPLITS, Split, check_options
from attend.errors import AttendError

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
}

_CHUNK = 256  # scenes drawn at once, to bound the memory
_TRIES = 50  # places tried for one object before its scene starts again from an empty canvas
_RESTARTS = 20  # of a scene, before giving up
_HEART = 0.5607  # half the side of the heart's square
_HEART_CENTRE = 0.2071  # of the circle around the heart, above the centre of its square
_ELLIPSE = 0.55  # short axis of the ellipse over its long one


def draw_sprites(
    *,
    n: int,
    seed: int | Sequence[int],
    canvas: int = 50,
    counts: Sequence[int] = (0, 1, 2, 3),
    size: tuple[int, int] = (14, 22),
    max_objects: int | None = None,
    max_overlap: float = 0.1,
) -> SceneData:
    """Draw scenes of squares, ellipses, triangles and hearts, with smooth edges.

    Each scene draws its count, and each object its shape, colour (of `COLOURS`), size, rotation and place, all
    uniformly, with the object wholly inside the canvas. Objects are painted one over the other, the last in
    front. While an object and those before it would overlap too much, its size, rotation and place are drawn
    anew (count, shapes and colours stay, so that these remain uniform).

    Args:
        n: how many scenes.
        seed: one whole number or several; the same seed gives the same scenes bit for bit.
        canvas: width and height of a scene in pixels.
        counts: the numbers of objects to draw from; a number given twice is twice as likely.
        size: smallest and largest diameter of the circle that just holds an object, in pixels.
        max_objects: rows of `boxes` and `labels`; the largest count if None.
        max_overlap: the largest part of its area, 0 to 1, that an object may share with all others together.
            Below 1, some of every object can be seen.

    Returns:
        RGB scenes with counts, labels (the place of a shape in `SHAPES`) and boxes, both from back to front. A
        box is tight around the whole object, hidden parts included (pixels that it covers by 10 % or more).

    Raises:
        AttendError: a setting is impossible, or the objects do not fit without overlapping too much.
    """
    rows = max(counts, default=0) if max_objects is None else max_objects
    check_layout(n=n, seed=seed, canvas=canvas, counts=counts, size=size, rows=rows)
    if size[0] < 4:
        raise AttendError(f"size: {size}; the smallest must be 4 pixels or more for a shape to be told")
    if not 0 <= max_overlap <= 1:
        raise AttendError(f"max_overlap: {max_overlap}; it must be 0 to 1, a part of an object's area")
    rng = np.random.default_rng(seed)
    scene_counts = rng.choice(np.asarray(counts, np.int64), size=n)
    used = np.arange(rows) < scene_counts[:, None]
    shapes = np.where(used, rng.integers(len(SHAPES), size=(n, rows)), -1)
    colours = np.array(list(COLOURS.values()), np.float32)[rng.integers(len(COLOURS), size=(n, rows))]
    images = np.zeros((n, canvas, canvas, 3), np.uint8)
    boxes = np.zeros((n, rows, 4), np.float32)
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        layers = _place(rng, shapes[part], canvas, size, max_overlap)
        images[part] = _paint(layers, colours[part])
        boxes[part][used[part]] = tight_boxes(layers[used[part]] >= VISIBLE / WHITE)
    return SceneData(images, scene_counts, boxes, shapes)


SPRITE_OPTIONS = tuple(name for name in signature(draw_sprites).parameters if name not in ("n", "seed"))
"""The settings of `draw_sprites` that the data set takes by name."""


def sprites(
    split: Split, *, n: int, seed: int, path: Path | None = None, download: bool = False, **options: Any
) -> SceneData:
    """Draw scenes of a split; `options` are those of `draw_sprites`.

    Raises:
        AttendError: a path or a download is asked for (there is nothing to read), or a setting is refused.
    """
    if path is not None or download:
        raise AttendError("sprites: are drawn on the fly; they take neither a path nor download")
    check_options("sprites", options, SPRITE_OPTIONS)
    return draw_sprites(n=n, seed=(seed, SPLITS.index(split)), **options)


def coverage(
    shapes: Int64[np.ndarray, " object"],
    diameters: Float32[np.ndarray, " object"],
    centres: Float32[np.ndarray, "object 2"],
    rotations: Float32[np.ndarray, " object"],
    canvas: int,
) -> Float32[np.ndarray, "object canvas canvas"]:
    """How much of each pixel each object covers, 0 to 1.

    Args:
        shapes: places in `SHAPES`.
        diameters: of the circles around the objects, in pixels.
        centres: x and y of those circles, in pixels from the upper left corner of the canvas.
        rotations: clockwise, in radians.
        canvas: width and height in pixels.
    """
    radii = (diameters / 2)[:, None, None]
    # Rounded, so that the last bit of a machine's sine does not show. Nothing else here differs between machines.
    cos, sin = (np.round(f(rotations)[:, None, None], 4) for f in (np.cos, np.sin))
    pixels = np.arange(canvas, dtype=np.float32) + 0.5
    x = (pixels - centres[:, :1])[:, None, :] / radii
    y = (pixels - centres[:, 1:])[:, :, None] / radii
    x, y = x * cos + y * sin, y * cos - x * sin
    distances = np.zeros_like(x)
    for shape, distance in enumerate(_DISTANCES.values()):
        chosen = shapes == shape
        distances[chosen] = distance(x[chosen], y[chosen])
    return np.clip(0.5 - distances * radii, 0, 1)


def _place(
    rng: np.random.Generator,
    shapes: Int64[np.ndarray, "scene rows"],
    canvas: int,
    size: tuple[int, int],
    max_overlap: float,
) -> Float32[np.ndarray, "scene rows canvas canvas"]:
    """The coverage of every object of some scenes, zero in unused rows."""
    layers = np.zeros((*shapes.shape, canvas, canvas), np.float32)
    todo = np.ones(len(shapes), bool)
    for _ in range(_RESTARTS):
        layers[todo] = 0
        stuck = np.zeros_like(todo)
        for slot in range(shapes.shape[1]):
            pending = np.flatnonzero(todo & ~stuck & (shapes[:, slot] >= 0))
            for _ in range(_TRIES):
                if not pending.size:
                    break
                diameters = rng.uniform(*size, len(pending)).astype(np.float32)
                centres = diameters[:, None] / 2 + rng.random((len(pending), 2), np.float32) * (
                    canvas - diameters[:, None]
                )
                rotations = rng.uniform(0, 2 * np.pi, len(pending)).astype(np.float32)
                layers[pending, slot] = coverage(shapes[pending, slot], diameters, centres, rotations, canvas)
                pending = pending[~_apart(layers[pending, : slot + 1], max_overlap)]
            layers[pending, slot] = 0
            stuck[pending] = True
        todo = stuck
        if not todo.any():
            return layers
    count = (shapes[todo] >= 0).sum(axis=1).min()
    raise AttendError(
        f"counts: {count} objects of {size[0]} to {size[1]} pixels on a canvas of {canvas} overlap by more than "
        f"{max_overlap} of one's area; use fewer or smaller objects, a larger canvas, or a larger max_overlap"
    )


def _apart(layers: Float32[np.ndarray, "scene rows canvas canvas"], max_overlap: float) -> Bool[np.ndarray, " scene"]:
    """Whether no object shares more than `max_overlap` of its area with the others."""
    areas = layers.sum(axis=(2, 3))
    shared = np.zeros_like(areas)
    for i, j in combinations(range(layers.shape[1]), 2):
        both = np.minimum(layers[:, i], layers[:, j]).sum(axis=(1, 2))
        shared[:, i] += both
        shared[:, j] += both
    return (shared <= max_overlap * areas).all(axis=1)


def _paint(
    layers: Float32[np.ndarray, "scene rows canvas canvas"], colours: Float32[np.ndarray, "scene rows 3"]
) -> np.ndarray:
    """Paint the objects of each scene on black, from the first (back) to the last (front)."""
    painted = np.zeros((len(layers), *layers.shape[2:], 3), np.float32)
    for slot in range(layers.shape[1]):
        alpha = layers[:, slot, :, :, None]
        painted += alpha * (colours[:, slot, None, None] - painted)
    return np.floor(painted + 0.5).astype(np.uint8)


# Signed distances to the outlines of shapes that just fit into the unit circle, y downwards, negative inside.


def _square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 0.5**0.5


def _ellipse(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """To first order: the level over the length of its gradient."""
    y = y / _ELLIPSE
    level = np.sqrt(x * x + y * y)
    slope = np.sqrt(x * x + y * y / _ELLIPSE**2)
    return level * (level - 1) / np.maximum(slope, 1e-6)


def _triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(0.75**0.5 * np.abs(x) - 0.5 * y, y) - 0.5


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A square standing on its corner, and a circle on each of its upper sides."""
    x, y = np.abs(x), y - _HEART_CENTRE
    middle = 0.5**0.5 * _HEART
    square = 0.5**0.5 * (x + np.abs(y)) - _HEART
    circle = np.sqrt((x - middle) ** 2 + (y + middle) ** 2) - _HEART
    return np.minimum(square, circle)


_DISTANCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "square": _square,
    "ellipse": _ellipse,
    "triangle": _triangle,
    "heart": _heart,
}
SHAPES = tuple(_DISTANCES)
"""The shapes by name; a label is a shape's place here."""
