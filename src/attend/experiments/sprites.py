"""Scenes of coloured shapes: counting, locating, and finding the kinds of shape without their names."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from attend.clusters import cluster
from attend.data import SHAPES, load
from attend.evaluation import evaluate, matches
from attend.experiments.frame import QUICK_N, Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import inference_rows
from attend.experiments.runs import train_model
from attend.experiments.truth import truth_of

SEEDS = (0,)
MODEL = {
    "renderer": "flat",
    "max_objects": 3,
    "scale": 0.38,
    "scale_reach": 2.0,
    "glimpse": 20,
    "what": 13,
    "decoder_widths": (256,),
}
QUICK_SCENES = {"canvas": 28, "size": (9, 13), "counts": (0, 1, 2)}
QUICK_MODEL = {"renderer": "flat", "max_objects": 2, "scale": 0.4, "scale_reach": 2.0}
BY = ("outline", "shape")
"""What objects are grouped by."""
SHOWN = 8

COLUMNS = {
    "count accuracy": ("count_accuracy", "{:.1%}"),
    "count ECE": ("count_ece", "{:.4f}"),
    "mean IoU": ("mean_iou", "{:.3f}"),
    "AP50": ("ap50", "{:.3f}"),
    "linear probe of shape": ("what_probe_accuracy", "{:.1%}"),
    "shape clusters, by outline": ("outline", "{:.1%}"),
    "shape clusters, by shape code": ("shape", "{:.1%}"),
}


@experiments.register("sprites")
def sprites(settings: Settings) -> Report:
    """Train on scenes of shapes; count, locate, and cluster the objects."""
    seeds = settings.seeds_or(SEEDS)
    train, valid, test = (
        load("sprites", split=split, n=settings.choose(None, QUICK_N[split]), **settings.choose({}, QUICK_SCENES))
        for split in ("train", "valid", "test")
    )
    truth = truth_of(test)
    reports, shown = [], None
    for seed in seeds:
        config = settings.config(**settings.choose(MODEL, QUICK_MODEL))
        model = train_model(settings, f"seed-{seed}", train, config, seed, valid)
        scenes = model.infer(test.images)
        shown = shown or scenes[:SHOWN]
        report = evaluate(scenes, **truth._asdict())
        scene, found, true = matches(scenes.boxes, scenes.counts, truth.boxes)
        for by in BY:
            report[by] = 0.0
            if len(scene) >= len(SHAPES):
                clusters = cluster(scenes, len(SHAPES), by=by, seed=seed).labels
                report[by] = cluster_accuracy(clusters[scene, found], truth.labels[scene, true])
        reports.append(report)
    rows = [[name, spread([r[key] for r in reports], form)] for name, (key, form) in COLUMNS.items()]
    wanted = {
        "count accuracy": ("count_accuracy", 0.98, 0.7),
        "mean IoU": ("mean_iou", 0.75, 0.4),
        "shape clusters, by outline": ("outline", 0.9, 0.3),
    }
    checks = [
        Check(name, float(np.median([r[key] for r in reports])), settings.choose(full, quick))
        for name, (key, full, quick) in wanted.items()
    ]
    assert shown is not None
    return Report(
        "Scenes of coloured shapes",
        seeds,
        [Table("On test images", ("what", "value"), rows)],
        {"inference": inference_rows({"image": shown})},
        checks,
        NOTES,
    )


def cluster_accuracy(clusters: np.ndarray, classes: np.ndarray) -> float:
    """The share of objects in the cluster of their class, paired one to one so that it is largest (Hungarian method).

    0 when there is no object.
    """
    table = np.zeros((len(SHAPES), len(SHAPES)))
    np.add.at(table, (clusters, classes), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / max(len(classes), 1))


NOTES = (
    f"Shapes: {', '.join(SHAPES)}. They have six colours, random orientations, and partly cover each other. The "
    "renderer is `flat`.",
    f"Shape clusters: all objects found are grouped by `attend cluster --k {len(SHAPES)}`, and clusters are paired "
    "one to one with the shapes. The value is the proportion of matched objects that are in the cluster of their "
    "shape. By outline: groups by the region that p draws of an object, independent of size, orientation and colour. "
    "By shape code: groups by the part of `what` that does not describe the colour, in which every orientation of a "
    "shape has a different place.",
)
