"""Scenes of solids on a table, drawn on the fly by `attend.render3d`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32, Int64

from attend.data.scenes_file import SceneData
from attend.data.splits import SPLITS, Split, check_options
from attend.errors import AttendError
from attend.geometry import footprint_box
from attend.render3d import shapes, worlds

_BATCH = 256  # scenes drawn at once
_TRIES = 500  # places tried for an object before its scene starts again
_RESTARTS = 20


def draw_table(
    renderer: Any,
    *,
    n: int,
    seed: int | Sequence[int],
    counts: Sequence[int],
    max_objects: int | None = None,
) -> SceneData:
    """Draw scenes of objects that stand on a table and do not touch.

    Each scene draws its count, and each object its kind, yaw, and place on the table; its colour and size too where the
    renderer lets these vary: all uniformly.

    Args:
        renderer: an `attend.render3d.TableRenderer`.
        n: how many scenes.
        seed: one whole number or several; the same seed gives the same scenes.
        counts: the numbers of objects to draw from; a number given twice is twice as likely.
        max_objects: rows of boxes, labels and poses; the largest count if None.

    Returns:
        RGB scenes with counts, boxes, labels (the place of a kind in `renderer.kinds`) and poses (x and y in metres,
        yaw in radians, -pi to pi). A box is tight around the whole object, hidden parts included.

    Raises:
        AttendError: a setting is impossible, or the objects do not fit.
    """
    rows = max(counts, default=0) if max_objects is None else max_objects
    if not counts or min(counts) < 0 or max(counts) > min(rows, renderer.max_objects):
        most = min(rows, renderer.max_objects)
        raise AttendError(f"counts: {tuple(counts)}; there must be some, each 0 to {most}")
    rng = np.random.default_rng(seed)
    scene_counts = rng.choice(np.asarray(counts, np.int64), size=n)
    used = np.arange(rows) < scene_counts[:, None]
    labels = np.where(used, rng.integers(len(renderer.kinds), size=(n, rows)), -1)
    smallest, largest = renderer.sizes
    sizes = rng.uniform(smallest, largest, (n, rows))
    poses = np.zeros((n, rows, 3), np.float32)
    poses[..., 2] = np.where(used, rng.uniform(-np.pi, np.pi, (n, rows)), 0)
    radii = np.array([_radius(kind) for kind in renderer.kinds])[labels] * sizes * used
    poses[..., :2] = _places(rng, radii, scene_counts, renderer.width)
    what = np.zeros((n, rows, renderer.what_size), np.float32)
    what[..., : len(renderer.kinds)] = labels[..., None] == np.arange(len(renderer.kinds))
    if renderer.colours is None:
        what[..., len(renderer.kinds) : len(renderer.kinds) + 3] = rng.uniform(0.1, 1.0, (n, rows, 3))
    if smallest < largest:
        what[..., -1] = sizes
    images, boxes = _draw(renderer, poses, what, scene_counts)
    return SceneData(images, scene_counts, boxes, labels, poses=poses)


def table_scenes(
    split: Split, *, world: str, n: int, seed: int, path: Path | None = None, download: bool = False, **options: Any
) -> SceneData:
    """Draw scenes of a split of a world; `options` are `canvas` (its image's side in pixels) and `counts`.

    Raises:
        AttendError: a path or a download is asked for (there is nothing to read), or a setting is refused.
    """
    if path is not None or download:
        raise AttendError(f"{world}: is drawn on the fly; it takes neither a path nor download")
    check_options(world, options, ("canvas", "counts", "max_objects"))
    canvas, counts = (options.get(name, default) for name, default in DEFAULTS[world].items())
    if canvas < 16:
        raise AttendError(f"canvas: {canvas}; it must be 16 pixels or more")
    rows = options.get("max_objects") or max(counts, default=0)
    renderer = worlds[world]((canvas, canvas, 3), max(rows, 1))
    return draw_table(renderer, n=n, seed=(seed, SPLITS.index(split)), counts=counts, max_objects=rows)


DEFAULTS: dict[str, dict[str, Any]] = {
    "objects-3d": {"canvas": 32, "counts": (1,)},
    "tabletop": {"canvas": 64, "counts": (0, 1, 2, 3)},
}
"""The settings of a world's scenes that can be chosen, as they are if they are not."""


def _radius(kind: str) -> float:
    """Of the smallest circle about the axis that holds a shape of size 1, seen from above."""
    x, _, radius = shapes[kind].bounds
    return abs(x) + radius


def _places(
    rng: np.random.Generator, radii: Float[np.ndarray, "n rows"], counts: Int64[np.ndarray, " n"], width: float
) -> Float32[np.ndarray, "n rows 2"]:
    """Uniform places in the square, such that circles of those radii do not overlap; 0 in unused rows."""
    places = np.zeros((*radii.shape, 2), np.float32)
    todo = np.ones(len(radii), bool)
    for _ in range(_RESTARTS):
        stuck = np.zeros_like(todo)
        for slot in range(radii.shape[1]):
            pending = np.flatnonzero(todo & ~stuck & (counts > slot))
            for _ in range(_TRIES):
                if not pending.size:
                    break
                places[pending, slot] = rng.uniform(-width / 2, width / 2, (len(pending), 2))
                gaps = np.linalg.norm(places[pending, slot, None] - places[pending, :slot], axis=-1)
                apart = (gaps > radii[pending, slot, None] + radii[pending, :slot]).all(axis=1)
                pending = pending[~apart]
            stuck[pending] = True
        todo = stuck
        if not todo.any():
            return places
    raise AttendError(f"counts: {counts[todo].min()} objects do not fit on a table of {width} m; use fewer")


def _draw(
    renderer: Any, poses: np.ndarray, what: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, Float32[np.ndarray, "n rows 4"]]:
    """The images as bytes, and a box around each object."""
    images, boxes = [], []
    for start in range(0, len(counts), _BATCH):
        rows = np.minimum(np.arange(start, start + _BATCH), len(counts) - 1)  # one size, compiled once
        painted, found = _draw_batch(renderer, poses[rows], what[rows], counts[rows])
        images.append(np.asarray(painted))
        boxes.append(np.asarray(found))
    used = np.arange(poses.shape[1]) < counts[:, None]
    return np.concatenate(images)[: len(counts)], np.concatenate(boxes)[: len(counts)] * used[..., None]


@eqx.filter_jit
def _draw_batch(renderer: Any, poses: Any, what: Any, counts: Any) -> tuple[jax.Array, jax.Array]:
    def draw(poses, what, count):
        state, boxes = renderer.empty(), []
        canvases = [renderer.canvas(state)]
        for where, description in zip(poses, what, strict=True):
            layer = renderer.layer(where, description)
            state = renderer.add(state, layer)
            boxes.append(footprint_box(layer.coverage[..., None]))
            canvases.append(renderer.canvas(state))
        pixels = jnp.clip(jnp.stack(canvases)[count], 0, 1) * 255
        return jnp.floor(pixels + 0.5).astype(jnp.uint8), jnp.reshape(jnp.array(boxes), (-1, 4))

    return jax.vmap(draw)(poses, what, counts)
