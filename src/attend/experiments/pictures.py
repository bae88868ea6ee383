"""What the figures of several experiments share."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from attend.figures import outline_box, show_image, step_colour
from attend.scenes import Scenes


def image_rows(rows: Mapping[str, Float[np.ndarray, "n h w c"]]) -> Figure:
    """A labelled row for each set of images, as many to a row, in [0, 1]."""
    figure, grid = _grid(list(rows), max(len(images) for images in rows.values()))
    for axes_row, images in zip(grid, rows.values(), strict=True):
        for axes, image in zip(axes_row, images, strict=False):
            show_image(axes, image)
    return figure


def inference_rows(stages: Mapping[str, Scenes]) -> Figure:
    """Two labelled rows for each set of scenes: the images with the boxes found in them, and what was painted."""
    labels = [label for stage in stages for label in (stage, "reconstruction")]
    figure, grid = _grid(labels, max(len(scenes) for scenes in stages.values()))
    for index, scenes in enumerate(stages.values()):
        for column, scene in enumerate(scenes):
            show_image(grid[2 * index][column], scene.images[0])
            show_image(grid[2 * index + 1][column], scene.reconstructions[0])
            for step in range(scene.counts[0]):
                outline_box(grid[2 * index][column], scene.boxes[0, step], step_colour(step))
    return figure


def curves(
    lines: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], x: str, y: str, log_x: bool = False
) -> Figure:
    """A colour for each name, and in it a line (xs, ys) for each member."""
    figure = Figure(figsize=(5.5, 3.5), layout="constrained")
    axes = figure.subplots()
    for index, (name, members) in enumerate(lines.items()):
        for member, (xs, ys) in enumerate(members):
            axes.plot(xs, ys, color=f"C{index}", linewidth=1.2, marker=".", label=None if member else name)
    axes.set(xlabel=x, ylabel=y, xscale="log" if log_x else "linear")
    axes.grid(color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure


def _grid(labels: Sequence[str], columns: int) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(1.1 * columns + 1, 1.15 * len(labels)), layout="constrained")
    grid = figure.subplots(len(labels), columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for axes, label in zip(grid[:, 0], labels, strict=True):
        axes.set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
    return figure, grid
