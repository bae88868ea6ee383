"""A video of beads: what `attend find` and trackpy find differently, in numbers and in a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from attend.evaluation import Objects
from attend.experiments.frame import Table
from attend.figures import show_image
from attend.finding import foregrounds

SETTINGS = {"diameter": 11, "invert": True, "minmass": 20}
"""Of trackpy's tutorial for this video."""

SEPARATION = SETTINGS["diameter"] + 1
"""Pixels: of two beads that are nearer to each other trackpy reports one (its default for that diameter)."""

SAME = 5.0
"""Pixels between two middles of one bead, at most."""

DISC, RING = 3, (6, 8)
"""Pixels from a middle, within which a bead is dark, and between which it is not."""

SHOWN = 150
"""Pixels along the side of the part that is shown."""

Image = UInt8[np.ndarray, "_rows _columns 1"]
Middles = Float[np.ndarray, "_n 2"]


def with_trackpy(image: Image) -> Objects:
    """What trackpy finds with the settings of its tutorial."""
    import trackpy  # pyright: ignore[reportMissingImports]

    table = trackpy.locate(255 * foregrounds["bright"](image / 255), **SETTINGS)
    return Objects(len(table), None, np.stack([table.x, table.y], axis=1) + 0.5, None)


def disagreement(images: Sequence[Image], ours: Sequence[Middles], theirs: Sequence[Middles]) -> tuple[Table, Figure]:
    """What both find, and what one of them does, of `attend find` and trackpy.

    Args:
        images: frames of the video.
        ours: x and y of each bead that `attend find` finds in each.
        theirs: the same of trackpy.
    """
    kinds: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"both": [], "attend find": [], "trackpy": []}
    for image, own, other in zip(images, ours, theirs, strict=True):
        in_both, known = _pairs(own, other)
        for kind, middles, others in (
            ("both", own[in_both], other),
            ("attend find", own[~in_both], other),
            ("trackpy", other[~known], own),
        ):
            near = cdist(middles, others).min(axis=1, initial=np.inf) < SEPARATION
            kinds[kind].append((_darker(image, middles), near))
    table = Table(
        "Beads that attend find and trackpy find",
        ("found by", "beads", "darker than around by, median", "as dark as the faintest tenth of both", "crowded"),
        _rows(kinds),
    )
    return table, _figure(images[0], ours[0], theirs[0])


def _rows(kinds: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]) -> list[list[str]]:
    whole = {kind: [np.concatenate(parts) for parts in zip(*some, strict=True)] for kind, some in kinds.items()}
    faint = np.quantile(whole["both"][0], 0.1) if len(whole["both"][0]) else 0.0
    rows = []
    for kind, (dark, near) in whole.items():
        name = kind if kind == "both" else f"{kind} alone"
        some = len(dark) > 0
        beside = "" if kind == "both" or not some else f"{near.mean():.0%}"
        shown = (f"{np.median(dark):.1f}", f"{(dark >= faint).mean():.0%}") if some else ("", "")
        rows.append([name, str(len(dark)), *shown, beside])
    return rows


def _pairs(ours: Middles, theirs: Middles) -> tuple[Bool[np.ndarray, " a"], Bool[np.ndarray, " b"]]:
    """Which of either are of a bead that both have found."""
    in_both, known = np.zeros(len(ours), bool), np.zeros(len(theirs), bool)
    distance = cdist(ours, theirs)
    rows, columns = linear_sum_assignment(np.where(distance < SAME, SAME - distance, 0), maximize=True)
    same = distance[rows, columns] < SAME
    in_both[rows[same]], known[columns[same]] = True, True
    return in_both, known


def _darker(image: Image, middles: Middles) -> Float[np.ndarray, " n"]:
    """By how many grey levels the mean of each disc is darker than the median of the ring around it."""
    plane = np.pad(image[..., 0].astype(np.float32), RING[1], mode="reflect")
    reach = np.arange(-RING[1], RING[1] + 1)
    distance = np.hypot(*np.meshgrid(reach, reach))
    disc, ring = distance <= DISC, (distance >= RING[0]) & (distance <= RING[1])
    found = []
    for column, row in np.floor(middles).astype(int):
        part = plane[row : row + len(reach), column : column + len(reach)]
        found.append(np.median(part[ring]) - part[disc].mean())
    return np.array(found)


def _figure(image: Image, ours: Middles, theirs: Middles) -> Figure:
    """A part of a frame: as it is, and with what is found."""
    in_both, known = _pairs(ours, theirs)
    top, left = ((side - min(SHOWN, side)) // 2 for side in image.shape[:2])
    part = image[top : top + SHOWN, left : left + SHOWN].astype(np.float32)
    low, high = np.quantile(part, [0.001, 0.999])
    part = ((part - low) / max(high - low, 1)).clip(0, 1)
    figure = Figure(figsize=(8, 4), layout="constrained")
    plain, marked = axes = figure.subplots(1, 2)
    for one in axes:
        show_image(one, part)
    marks: tuple[tuple[Any, str, str], ...] = (
        (ours[in_both], "+", "tab:green"),
        (ours[~in_both], "+", "tab:red"),
        (theirs[~known], "x", "tab:blue"),
    )
    for middles, marker, colour in marks:
        x, y = (middles - [left, top] - 0.5).T
        inside = (x > 0) & (y > 0) & (x < part.shape[1] - 1) & (y < part.shape[0] - 1)
        marked.plot(x[inside], y[inside], marker, color=colour, markersize=6)
    plain.set_title("a part of the first frame", fontsize=8)
    marked.set_title("green: found by both, red: attend find, blue: trackpy", fontsize=8)
    return figure
