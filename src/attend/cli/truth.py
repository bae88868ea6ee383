"""`attend evaluate` on images of any sizes: a folder with their truth beside it, or scenes for what a find learned."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attend.cli.arguments import Files, tell
from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.data import ImageTruth, SceneData
    from attend.evaluation import Objects
    from attend.exports import Results
    from attend.looking import Looker

IMAGE_ROWS = {
    "images": ("images", "{:,}"),
    "true_objects": ("true objects", "{:,}"),
    "found_objects": ("found objects", "{:,}"),
    "count_accuracy": ("count accuracy", "{:.1%}"),
    "count_error": ("error of the total count", "{:.1%}"),
    "interval_coverage": ("true counts in their 90 % interval", "{:.1%}"),
    "box_f1": ("F1 of boxes at IoU 0.5", "{:.3f}"),
    "box_precision": ("  precision", "{:.3f}"),
    "box_recall": ("  recall", "{:.3f}"),
    "point_f1": ("F1 of centres", "{:.3f}"),
    "mask_iou": ("mean IoU of matched masks", "{:.3f}"),
    "mask_ap50": ("AP of masks at IoU 0.5", "{:.3f}"),
    "mask_ap": ("AP of masks, IoU 0.5 to 0.95", "{:.3f}"),
}
"""The numbers of a report on images, each with its name and format in the table."""


def evaluate_folder(
    run: Path, images: Path, truth: Path, *, files: Files, tile: bool, distance: float
) -> dict[str, Any]:
    """The report of `attend.evaluation.evaluate_images` on the images of a folder of which the truth is known.

    Images without a truth are left out, which is told on stderr.

    Raises:
        AttendError: the images or the truth cannot be read, no image has a truth, or images have another size than the
            model knows and are not to be tiled.
    """
    from attend.data import read_truth
    from attend.evaluation import evaluate_images
    from attend.looking import look, looker_of

    known = read_truth(truth)
    looker = looker_of(run, tiled=tile)
    pieces = look(looker, str(images), tell=lambda source, note: tell(source, [note]), **files.given())
    left_out: list[str] = []
    pairs = _pairs(pieces, known, left_out)
    first = next(pairs, None)
    if first is None:
        raise AttendError(
            f"{truth}: tells nothing of the images in {images}, such as {left_out[0] if left_out else '?'}"
        )
    report = evaluate_images(itertools.chain([first], pairs), distance=distance)
    if left_out:
        tell(str(images), [f"{len(left_out)} images have no truth and are left out, such as {left_out[0]}"])
    return report


def evaluate_scenes(looker: "Looker", source: str, scenes: "SceneData", *, distance: float) -> dict[str, Any]:
    """The report of `attend.evaluation.evaluate_images` on scenes whose content is known.

    Raises:
        AttendError: it is not.
    """
    from attend.evaluation import Objects, evaluate_images
    from attend.looking import look

    if scenes.counts is None:
        raise AttendError(f"{source}: counts: are missing; what is found can only be measured where they are known")
    counts, boxes = scenes.counts.tolist(), scenes.boxes
    pieces = look(looker, scenes, tell=lambda source, note: tell(source, [note]))

    def pairs() -> Iterator[tuple[Objects, Objects]]:
        for number, (piece, count) in enumerate(zip(pieces, counts, strict=True)):
            true = None if boxes is None else boxes[number, :count].astype(float)
            middles = None if true is None else true[:, :2] + true[:, 2:] / 2
            yield objects_of(piece, 0, labels=False), Objects(count, true, middles)

    return evaluate_images(pairs(), distance=distance)


def objects_of(piece: "Results", row: int, *, labels: bool) -> "Objects":
    """What was found in one image, as `evaluate_images` takes it; with its label image only if that is wanted."""
    import numpy as np

    from attend.evaluation import Objects

    boxes = np.array([found.box for found in piece.objects(row)], float).reshape(-1, 4)
    low, high = piece.scenes[row].count_interval()[0].tolist()
    return Objects(
        int(piece.counts[row]),
        boxes,
        boxes[:, :2] + boxes[:, 2:] / 2,
        piece.labels(row) if labels else None,
        (low, high),
    )


def _pairs(
    pieces: Iterator["Results"], known: dict[str, "ImageTruth"], left_out: list[str]
) -> Iterator[tuple["Objects", "Objects"]]:
    """For each image what was found and what is true; the names of those without a truth go to `left_out`."""
    from attend.data import truth_of
    from attend.evaluation import Objects

    for piece in pieces:
        for row in range(len(piece.scenes)):
            true = truth_of(piece.name(row), known)
            if true is None:
                left_out.append(piece.name(row))
                continue
            labels = true.labels()
            found = objects_of(piece, row, labels=labels is not None and piece.scenes.masks is not None)
            yield found, Objects(true.count, true.boxes, true.points, labels)


def print_image_report(report: dict[str, Any]) -> None:
    """A report on images as a table on stdout; what is not known is left out."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "value", header_style="")
    for key, (name, form) in IMAGE_ROWS.items():
        if report[key] is not None:
            table.add_row(name, form.format(report[key]))
    Console(highlight=False).print(table)
