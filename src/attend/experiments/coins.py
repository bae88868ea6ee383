"""A real photograph: coins under uneven light, learned from crops of it, then found in the whole of it."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from scipy import ndimage

from attend.data import SceneData, bundled_photographs
from attend.evaluation import iou, match
from attend.experiments.crops import crops
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.runs import train_model
from attend.figures import outline_box, show_image
from attend.scenes import Scenes
from attend.survey import survey
from attend.tiling import infer_tiled

SEEDS = (0, 1, 2)
SHRUNK, QUICK_SHRUNK = 3, 5
"""Pixels of the photograph along the side of one of ours."""
SIDE, QUICK_SIDE = 44, 26
"""Of a crop, in our pixels; half of it holds the largest coin."""
CROPS, QUICK_CROPS = 8_000, 2_000
STEPS, QUICK_STEPS = 1_500, 400
GLIMPSE = 16
DARK, BRIGHT = 30, 150
"""Grey values of the photograph that are surely ground and surely coin; where one becomes the other, edges tell."""
COINS = 24
FOUND = 0.5
"""IoU of a box with that of a coin."""


class Photograph(NamedTuple):
    """The picture and the boxes (x0, y0, width, height in its pixels) of its coins."""

    image: UInt8[np.ndarray, "h w 1"]
    boxes: Float[np.ndarray, "coins 4"]


@experiments.register("coins")
def coins(settings: Settings) -> Report:
    """Train on crops, with what the survey tells of them; look at the whole photograph in tiles."""
    seeds = settings.seeds_or(SEEDS)
    picture = photograph(settings.choose(SHRUNK, QUICK_SHRUNK))
    n, side = settings.choose((CROPS, SIDE), (QUICK_CROPS, QUICK_SIDE))
    learned = crops(SceneData(picture.image[None]), side, each=n)
    told = survey(learned.images)
    config = settings.config(**told.settings, glimpse=GLIMPSE, steps=settings.choose(STEPS, QUICK_STEPS))
    rows, found, wrong, figures = [], [], [], {}
    for seed in seeds:
        model = train_model(settings, f"seed-{seed}", learned, config, seed)
        scenes = infer_tiled(model, picture.image[None])
        overlaps = overlaps_of(scenes, picture.boxes)
        found.append(int((overlaps >= FOUND).sum()))
        wrong.append(int(scenes.counts[0]) - found[-1])
        rows.append(
            [
                str(seed),
                f"{found[-1]} of {len(picture.boxes)}",
                str(wrong[-1]),
                f"{overlaps.sum() / max(len(overlaps), 1):.3f}",
            ]
        )
        figures[f"seed-{seed}"] = _drawn(scenes)
    least, most = settings.choose((23.0, 1.0), (4.0, 24.0))
    checks = [
        Check("coins found, worst seed", float(min(found)), least),
        Check("false boxes, worst seed", float(max(wrong)), most, at_most=True),
    ]
    headings = ("seed", f"found (IoU {FOUND} or more)", "false boxes", "mean IoU of matched boxes")
    tables = [
        Table("In the whole photograph", headings, rows),
        Table(
            "Settings estimated from the crops", ("setting", "value"), [[k, str(v)] for k, v in told.settings.items()]
        ),
    ]
    return Report("Coins in a photograph", seeds, tables, figures, checks, NOTES)


def photograph(shrunk: int) -> Photograph:
    """The photograph of coins that comes with scikit-image, and where they are.

    Their outlines are those of its tutorial on segmentation: a watershed on the strength of edges, from what is surely
    dark and what is surely bright.

    Raises:
        AttendError: scikit-image is not installed.
    """
    grey = bundled_photographs().coins()
    from skimage import filters, segmentation, transform

    sure = np.where(grey < DARK, 1, np.where(grey > BRIGHT, 2, 0))
    inside = ndimage.binary_fill_holes(segmentation.watershed(filters.sobel(grey), sure) == 2)
    labels: Any = ndimage.label(inside)[0]  # pyright: ignore[reportIndexIssue]
    largest = np.argsort(-np.bincount(labels.ravel())[1:])[:COINS]
    slices = [ndimage.find_objects(labels)[index] for index in largest]
    boxes = np.array([(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in slices]) / shrunk
    height, width = (side // shrunk * shrunk for side in grey.shape)
    image = transform.downscale_local_mean(grey[:height, :width], (shrunk, shrunk))
    return Photograph(np.round(image).astype(np.uint8)[..., None], boxes)


def overlaps_of(scenes: Scenes, boxes: Float[np.ndarray, "coins 4"]) -> Float[np.ndarray, " pairs"]:
    """The IoU of each matched pair of a box found in the one picture and a true one."""
    found = scenes.boxes[0, : scenes.counts[0]]
    return iou(found, boxes)[match(found, boxes)]


def _drawn(scenes: Scenes) -> Figure:
    """The picture with the boxes found in it, and as the model paints it."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    show_image(left, scenes.images[0])
    show_image(right, scenes.reconstructions[0])
    for box in scenes.boxes[0, : scenes.counts[0]]:
        outline_box(left, box, "tab:orange")
    for axes in (left, right):
        axes.set(xticks=[], yticks=[])
    return figure


NOTES = (
    "The photograph of coins that comes with scikit-image, reduced to a third of its size. The model learns from "
    "random crops of it without labels, with the settings that `attend train` estimates from them. It is then "
    "applied to the whole photograph in tiles.",
    "The true bounding boxes are those of the 24 regions that scikit-image's own tutorial on segmentation finds (a "
    "watershed).",
)
