"""Scenes of coloured shapes: counting, locating, and finding the kinds of shape without their names."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from attend.data import SHAPES, load
from attend.evaluation import evaluate, matches
from attend.experiments.frame import QUICK_N, Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import inference_rows
from attend.experiments.runs import train_model
from attend.experiments.truth import truth_of

SEEDS = (0,)
MODEL = {"max_objects": 3, "scale": 0.38}
QUICK_SCENES = {"canvas": 28, "size": (9, 13), "counts": (0, 1, 2)}
QUICK_MODEL = {"max_objects": 2, "scale": 0.4}
FINE_CLUSTERS = 60
"""Clusters for the finer view, in which a shape may have many: one for each of its colours, say."""
FIT_OBJECTS = 20_000
SHOWN = 8

COLUMNS = {
    "count accuracy": ("count_accuracy", "{:.1%}"),
    "count ECE": ("count_ece", "{:.4f}"),
    "mean IoU": ("mean_iou", "{:.3f}"),
    "AP50": ("ap50", "{:.3f}"),
    "linear probe of shape": ("what_probe_accuracy", "{:.1%}"),
    "shape clusters": ("clusters", "{:.1%}"),
    "fine clusters": ("fine", "{:.1%}"),
}


@experiments.register("sprites")
def sprites(settings: Settings) -> Report:
    """Train on scenes of shapes; count, locate, and cluster the objects by `what`."""
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
        what, shapes = scenes.what[scene, found], truth.labels[scene, true]
        report |= {"clusters": cluster_accuracy(what, shapes, seed), "fine": fine_cluster_accuracy(what, shapes, seed)}
        reports.append(report)
    rows = [[name, spread([r[key] for r in reports], form)] for name, (key, form) in COLUMNS.items()]
    wanted = {
        "count accuracy": ("count_accuracy", 0.98, 0.7),
        "mean IoU": ("mean_iou", 0.75, 0.4),
        "shape clusters by `what`": ("clusters", 0.9, 0.3),
    }
    checks = [
        Check(name, float(np.median([r[key] for r in reports])), settings.choose(full, quick))
        for name, (key, full, quick) in wanted.items()
    ]
    assert shown is not None
    return Report(
        "Scenes of coloured shapes",
        seeds,
        [Table("On unseen scenes", ("what", "value"), rows)],
        {"inference": inference_rows({"image": shown})},
        checks,
        NOTES,
    )


def cluster_accuracy(what: np.ndarray, classes: np.ndarray, seed: int) -> float:
    """The share of objects in the cluster of their class: a Gaussian mixture of one cluster a class.

    Clusters and classes are paired one to one so that the share is largest (Hungarian method). 0 when there are fewer
    objects than clusters.
    """
    k = len(SHAPES)
    if len(classes) < k:
        return 0.0
    from sklearn.mixture import GaussianMixture
    from sklearn.preprocessing import StandardScaler

    codes = StandardScaler().fit_transform(what)
    mixture = GaussianMixture(k, n_init=5, reg_covar=1e-3, random_state=seed).fit(codes[:FIT_OBJECTS])
    table = np.zeros((k, k))
    np.add.at(table, (mixture.predict(codes), classes), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(classes))


def fine_cluster_accuracy(what: np.ndarray, classes: np.ndarray, seed: int) -> float:
    """The share of objects whose class is the commonest of their cluster, out of many clusters by k-means.

    Half of the objects name the clusters, the other half are counted. 0 when there are fewer objects than clusters.
    """
    if len(classes) < FINE_CLUSTERS:
        return 0.0
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    codes = StandardScaler().fit_transform(what)
    clusters = KMeans(FINE_CLUSTERS, random_state=seed).fit(codes[:FIT_OBJECTS]).predict(codes)
    half = len(classes) // 2
    table = np.zeros((FINE_CLUSTERS, len(SHAPES)))
    np.add.at(table, (clusters[:half], classes[:half]), 1)
    return float(np.mean(table.argmax(axis=1)[clusters[half:]] == classes[half:]))


NOTES = (
    f"Shapes: {', '.join(SHAPES)}; of six colours, turned at random, partly hidden by one another.",
    f"shape clusters: a Gaussian mixture of {len(SHAPES)} over standardised `what`, paired with the shapes one to one.",
    f"fine clusters: k-means of {FINE_CLUSTERS}, each named after the commonest shape in it by half of the objects and "
    "tested on the other half; a shape may have a cluster for every colour.",
)
