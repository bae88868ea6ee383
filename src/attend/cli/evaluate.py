"""`attend evaluate`."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any, SupportsFloat

from tyro.conf import arg

from attend.cli.arguments import (
    Compose,
    ComposeOptions,
    Data,
    FileOptions,
    Files,
    Run,
    TestScenes,
    read,
    read_for,
)
from attend.cli.truth import evaluate_folder, evaluate_scenes, print_image_report
from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.data import SceneData
    from attend.model import Model
    from attend.scenes import Scenes

BOUND_IMAGES = 1000
"""The importance-weighted bound is measured on no more images than this, the first ones."""

WARM_UP_IMAGES = 256
"""A full batch of `Model.infer`, so that the timed call compiles nothing."""

ROWS = {
    "count_accuracy": ("count accuracy", "{:.2%}"),
    "count_ece": ("calibration error of the count", "{:.4f}"),
    "mean_iou": ("mean IoU of boxes", "{:.3f}"),
    "ap50": ("AP50 of boxes", "{:.3f}"),
    "elbo": ("ELBO (nats per image)", "{:.1f}"),
    "iw_bound": ("importance-weighted bound (nats per image)", "{:.1f}"),
    "reconstruction_mse": ("reconstruction, mean squared error", "{:.5f}"),
    "what_probe_accuracy": ("accuracy of classes predicted from `what` by a linear probe", "{:.1%}"),
    "identity_accuracy": ("accuracy of kinds of matched objects", "{:.1%}"),
    "position_error_m": ("median error of place (m)", "{:.4f}"),
    "yaw_error_rad": ("median error of yaw, up to symmetry (rad)", "{:.4f}"),
    "images_per_second": ("images inferred per second", "{:,.0f}"),
}
"""The single numbers of a report, each with its name and format in the table."""


def evaluate(
    run: Run,
    data: Data,
    *,
    as_json: Annotated[bool, arg(name="json", help="Print one JSON object instead of a table.")] = False,
    tile: Annotated[
        bool, arg(help="Process image files in overlapping tiles that have the size of the training images.")
    ] = False,
    distance: Annotated[
        float, arg(help="How far a found centre may be from a true point, in pixels, where the truth is points.")
    ] = 5.0,
    samples: Annotated[int, arg(help="Passes per image in the importance-weighted bound.")] = 100,
    n: TestScenes = None,
    seed: Annotated[
        int, arg(help="Seed of composed images, of the noise of the bounds, and of the halves of the probe.")
    ] = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Measure a model on images whose ground truth is known.

    A data set given by its name provides its test images, which contain no digit of
    the training images. Values that the data cannot give are null in JSON.

    count_accuracy           proportion of images whose most probable count is right
    count_confusion          images by true count (row) and inferred count
    count_accuracy_by_count  the same proportion for each true count
    count_ece                calibration error of q(n|x), 15 bins; 0 is perfect
    mean_iou                 overlap (IoU) of true and inferred boxes, in pairs
    ap50                     average precision of boxes at an overlap of 0.5
    elbo                     evidence lower bound in nats per image
    iw_bound                 importance-weighted bound in nats per image, over at
                             most the first 1,000 images
    reconstruction_mse       mean squared error per pixel, pixels in [0, 1]
    what_probe_accuracy      linear probe of `what` on the true classes
    identity_accuracy        proportion of objects on a table, matched one to one by
                             place, whose kind is right
    position_error_m         median distance of these from their true place
    yaw_error_rad            median error of their yaw; a rotation that does not
                             change the appearance of an object is no error
    images_per_second        speed of inference, after a warm-up

    DATA may be a folder of images of any sizes with the truth of each: its folder
    `images`, and beside that `truth.json` (for each image's name `count`, `boxes`
    or `points`) or label images in `labels`, or both. The report on these, and that
    on any scenes of what `attend find` has learned, has

    count_accuracy           proportion of images whose count is right
    count_error              error of the total count, over the true total
    interval_coverage        proportion of images whose true count is in the 90 %
                             interval
    box_f1                   F1 of boxes at an overlap (IoU) of 0.5
    point_f1                 F1 of centres within --distance of a true point
    mask_iou                 mean overlap of masks that overlap by half or more
    mask_ap50                right / (right + wrong + missed) of masks at an overlap
                             of 0.5, averaged over the images
    mask_ap                  the same averaged over overlaps of 0.5 to 0.95, as in
                             the Data Science Bowl 2018

    Examples:
        attend evaluate runs/digits digits
        attend evaluate runs/cells annotated --tile
        attend evaluate runs/digits scenes.npz --json > report.json
    """
    import attend
    from attend.data.truth import LABELS, TRUTH, truth_beside
    from attend.looking import finder_file, looker_of

    def show(report: dict[str, Any]) -> None:
        if as_json:
            print(json.dumps(report))
        else:
            print_image_report(report)

    if samples < 1:
        raise AttendError(f"samples: is {samples}; it must be 1 or more")
    if not distance > 0:
        raise AttendError(f"distance: is {distance:g}; it must be above 0")
    if (beside := truth_beside(data)) is not None:
        show(evaluate_folder(run, *beside, files=files, tile=tile, distance=distance))
        return
    if tile:
        raise AttendError(f"{data}: --tile is for a folder images with {TRUTH} or {LABELS} beside it")
    if finder_file(run) is not None:
        looker = looker_of(run)
        scenes = read(data, "test", n, seed, compose, files, looker.rules)
        show(evaluate_scenes(looker, data, scenes, distance=distance))
        return
    model = attend.load(run)
    truth = read_for(run, model, data, n, seed, compose, files)
    report = measure(model, truth, samples=samples, seed=seed)
    if as_json:
        print(json.dumps(report))
    else:
        print_report(report)


def measure(model: "Model", truth: "SceneData", *, samples: int, seed: int) -> dict[str, Any]:
    """The report of `attend.evaluation.evaluate` on scenes, with the bounds and the speed."""
    images = truth.images
    model.infer(images[:WARM_UP_IMAGES])
    started = time.perf_counter()
    scenes = model.infer(images)
    seconds = time.perf_counter() - started
    bound = model.importance_weighted_bound(images[:BOUND_IMAGES], samples=samples, seed=seed).mean()
    return compared(model, scenes, truth, seed=seed, iw_bound=bound, images_per_second=len(images) / seconds)


def compared(
    model: "Model", scenes: "Scenes", truth: "SceneData", *, seed: int, **measured: SupportsFloat
) -> dict[str, Any]:
    """The report of `attend.evaluation.evaluate` on what a model found in scenes, with the ELBO."""
    import attend.evaluation

    return attend.evaluation.evaluate(
        scenes,
        counts=truth.counts,
        boxes=truth.boxes,
        labels=truth.labels,
        poses=truth.poses,
        folds=getattr(model.p.renderer.what, "folds", None),
        elbo=model.elbo(truth.images, seed=seed).mean(),
        seed=seed,
        **measured,
    )


def print_report(report: dict[str, Any]) -> None:
    """A report as tables on stdout; what is not known is left out."""
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "value", header_style="")
    for key, (name, form) in ROWS.items():
        if report[key] is not None:
            table.add_row(name, form.format(report[key]))
        if key == "count_accuracy":
            for count, share in (report["count_accuracy_by_count"] or {}).items():
                table.add_row(f"  of scenes with {count}", f"{share:.1%}")
    console = Console(highlight=False)
    console.print(table)
    if report["count_confusion"] is not None:
        inferred = range(len(report["count_confusion"]))
        confusion = Table("true count", *map(str, inferred), title="inferred count", header_style="", title_style="")
        for count, row in enumerate(report["count_confusion"]):
            confusion.add_row(str(count), *(f"{cell:,}" for cell in row))
        console.print(confusion)
