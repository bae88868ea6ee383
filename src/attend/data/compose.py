"""Compose scenes from glyphs: small grey images of one object each, such as handwritten digits."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, UInt8
from numpy.lib.stride_tricks import sliding_window_view

from attend.data.layout import check_layout, tight_boxes
from attend.data.resize import resize_matrix
from attend.data.scenes_file import SceneData
from attend.errors import AttendError

WHITE = 255
VISIBLE = 26
"""A box bounds the pixels of its object that are at or above this, 10 % of white."""

CANVAS = 50
"""Width and height of a scene in pixels, unless asked for otherwise."""

_CHUNK = 512  # scenes composed at once, to bound the memory
_TRIES = 100  # places tried for one object before its scene starts again from an empty canvas
_RESTARTS = 20  # of a scene, before giving up


def compose(
    glyphs: UInt8[np.ndarray, "glyph side side"],
    classes: Integer[np.ndarray, " glyph"],
    *,
    n: int,
    seed: int | Sequence[int],
    canvas: int = CANVAS,
    counts: Sequence[int] = (0, 1, 2),
    size: tuple[int, int] = (20, 23),
    max_objects: int | None = None,
    grounds: UInt8[np.ndarray, "ground canvas canvas 3"] | None = None,
) -> SceneData:
    """Place glyphs on black canvases; the defaults are the field's multi-MNIST.

    Each scene draws its count, its glyphs, their sizes and their places uniformly, every glyph wholly inside
    the canvas. Where glyphs overlap their pixels add up; while a glyph adds up past white with those placed
    before it, its size and place are drawn anew (counts and glyphs stay, so that both remain uniform). The
    default size is that of a 28-pixel digit shrunk by a factor of 1.3 +- 0.1.

    Args:
        glyphs: white on black, square.
        classes: the class of each glyph, 0 or more.
        n: how many scenes.
        seed: one whole number or several; the same seed gives the same scenes bit for bit.
        canvas: width and height of a scene in pixels.
        counts: the numbers of objects to draw from; a number given twice is twice as likely.
        size: smallest and largest width of a whole glyph, margin included, on the canvas in pixels.
        max_objects: rows of `boxes` and `labels`; the largest count if None.
        grounds: RGB images to place glyphs on instead: a random one for each scene, and each glyph in a random bright
            colour, as opaque as it is white. The rest of the scenes stays as it is.

    Returns:
        Grey scenes, RGB with `grounds`, with counts, labels and tight boxes (see `VISIBLE`).

    Raises:
        AttendError: a setting is impossible, or the objects do not fit without adding up past white.
    """
    rows = max(counts, default=0) if max_objects is None else max_objects
    _check_glyphs(glyphs, classes)
    check_layout(n=n, seed=seed, canvas=canvas, counts=counts, size=size, rows=rows)
    rng = np.random.default_rng(seed)
    scene_counts = rng.choice(np.asarray(counts, np.int64), size=n)
    chosen = rng.integers(len(glyphs), size=(n, rows))
    used = np.arange(rows) < scene_counts[:, None]
    images = np.zeros((n, canvas, canvas, 1 if grounds is None else 3), np.uint8)
    boxes = np.zeros((n, rows, 4), np.float32)
    matrices = _size_matrices(glyphs.shape[1], size)
    colour_rng = np.random.default_rng(np.append(seed, 1))
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        painted, boxes[part], places = _paint(rng, glyphs, matrices, chosen[part], used[part], canvas)
        if grounds is None:
            images[part] = painted[..., None]
        else:
            layers = _layers(glyphs, matrices, chosen[part], used[part], canvas, places)
            images[part] = _coloured(colour_rng, layers, grounds)
    labels = np.where(used, np.asarray(classes, np.int64)[chosen], -1)
    return SceneData(images, scene_counts, boxes, labels)


def _paint(
    rng: np.random.Generator,
    glyphs: UInt8[np.ndarray, "glyph side side"],
    matrices: Float64[np.ndarray, "sizes largest side"],
    chosen: Int64[np.ndarray, "scene rows"],
    used: Bool[np.ndarray, "scene rows"],
    canvas: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place the used glyphs of some scenes.

    Returns their pixels (scene, canvas, canvas), boxes (scene, rows, 4), and sizes and top left corners, x first
    (scene, rows, 3).
    """
    largest = matrices.shape[1]
    smallest = largest - len(matrices) + 1
    # Patches are padded to the largest size: a small one at the edge needs a margin to write its padding to.
    margin = canvas + largest - smallest
    painted = np.zeros((len(chosen), margin, margin), np.int16)
    windows = sliding_window_view(painted, (largest, largest), axis=(1, 2), writeable=True)
    boxes = np.zeros((*chosen.shape, 4), np.float32)
    places = np.zeros((*chosen.shape, 3), np.int64)
    todo = np.ones(len(chosen), bool)
    for _ in range(_RESTARTS):
        painted[todo] = 0
        stuck = np.zeros_like(todo)
        for slot in range(chosen.shape[1]):
            pending = np.flatnonzero(todo & ~stuck & used[:, slot])
            for _ in range(_TRIES):
                if not pending.size:
                    break
                sizes = rng.integers(smallest, largest + 1, size=len(pending))
                left, top = rng.integers(0, canvas - sizes + 1, size=(2, len(pending)))
                patches = _resize(glyphs[chosen[pending, slot]], matrices[sizes - smallest])
                visible = patches >= VISIBLE
                if not visible.any(axis=(1, 2)).all():
                    raise AttendError("glyphs: one is all but black at the size asked for; it would have no box")
                summed = windows[pending, top, left] + patches
                fits = summed.max(axis=(1, 2)) <= WHITE
                windows[pending[fits], top[fits], left[fits]] = summed[fits]
                corners = np.stack([left, top, np.zeros_like(left), np.zeros_like(top)], axis=1)
                boxes[pending[fits], slot] = (corners + tight_boxes(visible))[fits]
                places[pending[fits], slot] = np.stack([sizes, left, top], axis=1)[fits]
                pending = pending[~fits]
            stuck[pending] = True
        todo = stuck
        if not todo.any():
            return painted[:, :canvas, :canvas], boxes, places
    count = used[todo].sum(axis=1).min()
    raise AttendError(
        f"counts: {count} objects of {smallest} to {largest} pixels on a canvas of {canvas} add up past "
        "white however they are placed; use fewer or smaller objects, or a larger canvas"
    )


def _layers(
    glyphs: UInt8[np.ndarray, "glyph side side"],
    matrices: Float64[np.ndarray, "sizes largest side"],
    chosen: Int64[np.ndarray, "scene rows"],
    used: Bool[np.ndarray, "scene rows"],
    canvas: int,
    places: Int64[np.ndarray, "scene rows 3"],
) -> Float64[np.ndarray, "scene rows canvas canvas"]:
    """Each glyph of some scenes by itself, where it was placed, from 0 to 1."""
    largest = matrices.shape[1]
    smallest = largest - len(matrices) + 1
    layers = np.zeros((*chosen.shape, canvas + largest, canvas + largest))
    windows = sliding_window_view(layers, (largest, largest), axis=(2, 3), writeable=True)
    scene, slot = np.nonzero(used)
    size, left, top = places[scene, slot].T
    windows[scene, slot, top, left] = _resize(glyphs[chosen[scene, slot]], matrices[size - smallest]) / WHITE
    return layers[..., :canvas, :canvas]


def _coloured(
    rng: np.random.Generator,
    layers: Float64[np.ndarray, "scene rows canvas canvas"],
    grounds: UInt8[np.ndarray, "ground canvas canvas 3"],
) -> UInt8[np.ndarray, "scene canvas canvas 3"]:
    """The glyphs of some scenes in bright colours on random grounds."""
    hues = 2 * np.pi * rng.random(layers.shape[:2])[..., None]
    colours = WHITE * (0.5 + 0.5 * np.cos(hues - 2 * np.pi / 3 * np.arange(3)))
    ground = grounds[rng.integers(len(grounds), size=len(layers))]
    painted = np.einsum("nrhw,nrc->nhwc", layers, colours)
    painted += (1 - layers.sum(axis=1))[..., None] * ground
    return np.floor(np.clip(painted, 0, WHITE) + 0.5).astype(np.uint8)


def _size_matrices(side: int, size: tuple[int, int]) -> Float64[np.ndarray, "sizes largest side"]:
    """The resizing matrix of every size, padded with zero rows to the largest."""
    matrices = np.zeros((size[1] - size[0] + 1, size[1], side))
    for matrix, size_out in zip(matrices, range(size[0], size[1] + 1), strict=True):
        matrix[:size_out] = resize_matrix(side, size_out)
    return matrices


def _resize(
    glyphs: UInt8[np.ndarray, "object side side"], matrices: Float64[np.ndarray, "object largest side"]
) -> UInt8[np.ndarray, "object largest largest"]:
    """Each glyph at its own size, in the upper left corner of its patch."""
    resized = matrices @ glyphs.astype(np.float64) @ matrices.transpose(0, 2, 1)
    return np.clip(np.floor(resized + 0.5), 0, WHITE).astype(np.uint8)


def _check_glyphs(glyphs: np.ndarray, classes: np.ndarray) -> None:
    """Refuse glyphs that no scene can be made of."""
    if not len(glyphs):
        raise AttendError("glyphs: there are none; at least one is needed")
    if len(classes) != len(glyphs):
        raise AttendError(f"classes: there are {len(classes)} for {len(glyphs)} glyphs; there must be one for each")
    if classes.min() < 0:
        raise AttendError(f"classes: {classes.min()} is negative; a class must be 0 or more")
