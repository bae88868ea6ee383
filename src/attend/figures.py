"""Pictures of scenes, samples and training curves, drawn without pyplot so that nothing global changes."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from attend.errors import AttendError
from attend.files import atomic_file
from attend.scenes import SHOWN, Scenes

FORMATS = ("png", "pdf", "svg", "jpg", "webp")
"""File types, told by their suffix, that `save_figure` writes."""

STEP_COLOURS = ("#ff7f50", "#3fb6ff", "#5fd38d", "#f2c14e", "#d98cf0", "#ff8fa8")
"""Colours of the first object, the second, ...; bright enough for thin lines on black and on white."""

_INK, _FAINT = "#333333", "#c8c8c8"
_SERIES = ("#4a6fa5", "#e0a458", "#9a9a9a")


def scenes_figure(scenes: Scenes, limit: int = SHOWN) -> Figure:
    """One row a scene: the image with its boxes in step order, the reconstruction, q(n|x), the patches.

    Args:
        scenes: what to draw; at least one.
        limit: draw no more than this many, the first ones.

    Raises:
        AttendError: there is no scene.
    """
    if len(scenes) == 0:
        raise AttendError("scenes_figure: there are 0 scenes; it needs at least 1")
    scenes = scenes[:limit]
    steps = int(scenes.listed.max())
    titles = ["image", "reconstruction", "count q(n|x)", *(f"object {step + 1}" for step in range(steps))]
    figure = Figure(figsize=(1.6 * len(titles), 1.55 * len(scenes) + 0.3), layout="constrained")
    grid = figure.subplots(len(scenes), len(titles), squeeze=False)
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=9, color=_INK)
    for row, (image, reconstruction, posterior, *patches) in enumerate(grid):
        count = scenes.listed[row]
        _show(image, scenes.images[row])
        for step in range(count):
            _draw_box(image, scenes.boxes[row, step], step)
        if scenes.names is not None:
            image.set_ylabel(scenes.names[row][-24:], fontsize=7, color=_INK)
        _show(reconstruction, scenes.reconstructions[row])
        _draw_posterior(posterior, scenes.count_probs[row])
        for step, axes in enumerate(patches):
            if step < count:
                _show(axes, scenes.patches[row, step], frame=step_colour(step))
            else:
                axes.set_axis_off()
    return figure


def varied_rows(counts: Int[np.ndarray, " n"], most: int) -> list[int]:
    """Which scenes to show when there is room for `most`: those with objects first, and an empty one last.

    Every number of objects has its turn, and of each the first scenes are taken, in their order. Further empty scenes
    come only when there are not enough others. All are shown, in their order, when there is room for all.

    Args:
        counts: objects in each scene.
        most: how many scenes are shown at most.
    """
    if len(counts) <= most:
        return list(range(len(counts)))
    of_each = {count: np.flatnonzero(counts == count)[:most].tolist() for count in np.unique(counts)}
    empty = of_each.pop(0, [])
    turns = sorted((turn, row) for rows in of_each.values() for turn, row in enumerate(rows))
    chosen = sorted(row for _, row in turns[: most - 1 if empty and most > 1 else most])
    return chosen + empty[: most - len(chosen)]


def samples_figure(images: Float[np.ndarray, "n height width channel"], counts: Int[np.ndarray, " n"]) -> Figure:
    """A grid of scenes drawn from the model, each titled with its number of objects.

    Raises:
        AttendError: there is no scene.
    """
    if len(images) == 0:
        raise AttendError("samples_figure: there are 0 scenes; it needs at least 1")
    columns = math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(1.3 * columns, 1.5 * rows), layout="constrained")
    for index, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if index < len(images):
            _show(axes, images[index])
            axes.set_title(f"n = {counts[index]}", fontsize=8, color=_INK, pad=3)
        else:
            axes.set_axis_off()
    return figure


def likeness_figure(parts: Float[np.ndarray, "n side side"], dreams: Float[np.ndarray, "n side side"]) -> Figure:
    """Parts of images on the left, dreams that should look like them on the right; of each the first 12.

    The values are contrasts, of which those from 0 to 1.5 are shown.
    """
    figure = Figure(figsize=(8, 3.3), layout="constrained")
    halves: Any = figure.subfigures(1, 2, wspace=0.05)
    for half, title, planes in zip(halves, ("parts of the images", "composed scenes"), (parts, dreams), strict=True):
        half.suptitle(title, fontsize=9, color=_INK)
        grid = half.subplots(3, 4).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, plane in zip(grid, planes, strict=False):
            show_image(axes, (plane[..., None] / 1.5).clip(0, 1))
    return figure


def histogram_figure(name: str, values: Float[np.ndarray, " n"]) -> Figure:
    """How often each value of objects occurs, of at least one; of a long tail the last hundredth is left out."""
    figure = Figure(figsize=(4.2, 3), layout="constrained")
    axes = figure.subplots()
    low, high = np.quantile(values, [0, 0.99])
    axes.hist(values, bins=30, range=(low, max(high, low + 1e-6)), color=_SERIES[0])
    axes.set_title(f"{name}, median {np.median(values):.3g}", fontsize=9, color=_INK, loc="left")
    axes.set_ylabel("objects", fontsize=9, color=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=_INK)
    return figure


def curves_figure(metrics: Sequence[Mapping], keys: Sequence[str] = ("elbo", "count_accuracy")) -> Figure:
    """ELBO and, where it was measured, count accuracy over training steps, side by side.

    Args:
        metrics: rows with `step` and some of `elbo` (nats) and `count_accuracy` (0 to 1).
        keys: which of the two to draw; the first must have been measured.

    Raises:
        AttendError: no row has the first of the keys.
    """
    panels = {
        key: points
        for key in keys
        if (points := [(row["step"], row[key]) for row in metrics if row.get(key) is not None])
    }
    if keys[0] not in panels:
        raise AttendError(f"curves_figure: no row of the metrics has {keys[0]}; there is nothing to draw")
    figure = Figure(figsize=(4.2 * len(panels), 3), layout="constrained")
    for axes, (key, points) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        steps, values = np.array(points, float).T
        axes.plot(steps, values, color=_SERIES[0], linewidth=1.5, marker="o" if len(steps) < 3 else "")
        axes.set_xlabel("training step", fontsize=9, color=_INK)
        axes.grid(color="#eeeeee")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, colors=_INK)
        label = f"{values[-1]:.1f}" if key == "elbo" else f"{values[-1]:.1%}"
        axes.set_title(
            {"elbo": "ELBO (nats)", "count_accuracy": "count accuracy"}[key] + f", last {label}",
            fontsize=9,
            color=_INK,
            loc="left",
        )
        if key == "elbo" and len(values) > 2:  # the fall from the first steps would flatten all the rest
            low, high = np.quantile(values, 0.05), values.max()
            axes.set_ylim(low - 0.1 * (high - low) - 1e-9, high + 0.1 * (high - low) + 1e-9)
        if key == "count_accuracy":
            axes.set_ylim(0, 1.02)
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure


def counts_figure(shares: Mapping[str, Float[np.ndarray, " counts"]]) -> Figure:
    """How often each number of objects occurs: bars side by side for each name of `shares`.

    Args:
        shares: for each of at most three names the share of scenes with 0, 1, ... objects; all equally long.
    """
    figure = Figure(figsize=(4.2, 3), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(shares)
    for index, ((name, share), colour) in enumerate(zip(shares.items(), _SERIES, strict=False)):
        offset = (index - (len(shares) - 1) / 2) * width
        axes.bar(np.arange(len(share)) + offset, share, width=0.9 * width, label=name, color=colour)
    axes.set_title("how many objects", fontsize=9, color=_INK, loc="left")
    axes.set_xlabel("number of objects", fontsize=9, color=_INK)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=_INK)
    figure.legend(loc="outside lower center", ncols=len(shares), fontsize=8, frameon=False)
    return figure


def reliability_figure(
    confidence: Float[np.ndarray, " bins"], accuracy: Float[np.ndarray, " bins"], scenes: Int[np.ndarray, " bins"]
) -> Figure:
    """How often counts are right against how sure the model is of them: on the diagonal if it knows itself.

    Below it, how many scenes each bin has. The arguments are what `attend.evaluation.count_reliability` returns.
    """
    used = scenes > 0
    ece = (scenes * np.abs(accuracy - confidence)).sum() / scenes.sum()
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=_FAINT, linewidth=1)
    above.plot(confidence[used], accuracy[used], color=_SERIES[0], marker="o", markersize=4, linewidth=1)
    above.set(ylim=(0, 1.03), ylabel="share right")
    above.set_title(f"how sure it is of the count, error (ECE) {ece:.4f}", fontsize=9, color=_INK, loc="left")
    above.yaxis.set_major_formatter(PercentFormatter(1))
    edges = np.linspace(0, 1, len(scenes) + 1)
    below.bar(edges[:-1], scenes, width=np.diff(edges), align="edge", color=_SERIES[0], edgecolor="white")
    below.set(xlim=(0, 1.01), xlabel="probability of the most probable count", ylabel="scenes", yscale="symlog")
    below.set_ylim(0, 2 * scenes.max())
    below.xaxis.set_major_formatter(PercentFormatter(1))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, colors=_INK)
        axes.xaxis.label.set(fontsize=9, color=_INK)
        axes.yaxis.label.set(fontsize=9, color=_INK)
    return figure


def clusters_figure(clusters: Sequence[Sequence[np.ndarray]], titles: Sequence[str]) -> Figure:
    """A contact sheet: a row for each group of objects, with pictures of some of them.

    Args:
        clusters: for each group its pictures, (height, width, channel) in [0, 1], of any sizes.
        titles: what each row is called.

    Raises:
        AttendError: there is no group.
    """
    if not clusters:
        raise AttendError("clusters_figure: there are 0 groups; it needs at least 1")
    columns = max(1, *map(len, clusters))
    figure = Figure(figsize=(0.8 * columns + 1.2, 0.85 * len(clusters) + 0.2), layout="constrained")
    grid = figure.subplots(len(clusters), columns, squeeze=False)
    for number, (row, pictures, title) in enumerate(zip(grid, clusters, titles, strict=True)):
        label = row[0].text(-0.15, 0.5, title, transform=row[0].transAxes, ha="right", va="center", fontsize=8)
        label.set_color(_INK)
        for index, axes in enumerate(row):
            if index < len(pictures):
                _show(axes, pictures[index], frame=step_colour(number))
            else:
                axes.set_axis_off()
    return figure


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure in the format of the path's suffix, whole or not at all.

    Raises:
        AttendError: the suffix is none of `FORMATS`, or the file cannot be written.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise AttendError(f"{path}: the suffix is {Path(path).suffix!r}; a figure needs one of .{', .'.join(FORMATS)}")
    with atomic_file(path) as file:
        figure.savefig(file, format=kind, dpi=150)


def show_image(axes: Axes, image: Float[np.ndarray, "height width channel"]) -> None:
    """Show grey or RGB pixels in [0, 1], with pixel edges at whole numbers as boxes have them."""
    height, width, channels = image.shape
    pixels = image[..., 0] if channels == 1 else image.clip(0, 1)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), interpolation="nearest")


def outline_box(axes: Axes, box: Float[np.ndarray, "4"], colour: str) -> None:
    """Outline a box in an image that `show_image` shows."""
    x0, y0, width, height = box
    axes.add_patch(Rectangle((x0, y0), width, height, fill=False, edgecolor=colour, linewidth=1.5))


def step_colour(step: int) -> str:
    """The colour of the object found at a step, counted from 0."""
    return STEP_COLOURS[step % len(STEP_COLOURS)]


def _show(axes: Axes, image: np.ndarray, frame: str = _FAINT) -> None:
    """Show an image without ticks, in a frame."""
    show_image(axes, image)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=frame, linewidth=0.8 if frame == _FAINT else 2.5)


def _draw_box(axes: Axes, box: np.ndarray, step: int) -> None:
    """Outline a box and put the step's number, counted from 1, in its corner."""
    outline_box(axes, box, step_colour(step))
    label = axes.annotate(
        str(step + 1),
        tuple(box[:2]),
        xytext=(1.5, -1.5),
        textcoords="offset points",
        va="top",
        fontsize=7,
        fontweight="bold",
        color="black",
        clip_on=True,
    )
    label.set_bbox({"facecolor": step_colour(step), "edgecolor": "none", "pad": 0.8})


def _draw_posterior(axes: Axes, probs: np.ndarray) -> None:
    """Bars of q(n|x), the most probable count in dark and with its value."""
    best = int(probs.argmax())
    bars = axes.bar(range(len(probs)), probs, color=_FAINT, width=0.7)
    bars[best].set_color("#4a6fa5")
    axes.text(best, probs[best] + 0.03, f"{probs[best]:.2f}", ha="center", fontsize=7, color=_INK)
    axes.set(ylim=(0, 1.2), xlim=(-0.6, len(probs) - 0.4), yticks=[], xticks=range(len(probs)), box_aspect=1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    axes.tick_params(length=0, labelsize=7, colors=_INK)
