"""With all labels or with none: a network with the same trunk that is told count, place and class, against AIR."""

from typing import NamedTuple

import jax
import numpy as np

from attend.baselines import LabelledScenes, SceneNet, scene_loss, scene_targets
from attend.evaluation import count_accuracy, matches, mean_iou, what_probe_accuracy
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spreads
from attend.experiments.runs import train_baseline, train_model
from attend.experiments.truth import Truth, truth_of
from attend.scenes import Scenes

SEEDS = (0,)
COUNTS, NEW = (0, 1, 2), 3
MAX_OBJECTS = 3
CLASSES = 10
STEPS, QUICK_STEPS = 10_000, 600


class Result(NamedTuple):
    """On one set of scenes; `classes` is the share of located objects whose class is named."""

    counts: float
    iou: float
    classes: float


@experiments.register("supervised")
def supervised(settings: Settings) -> Report:
    """Train both; test them on scenes as in training and on scenes of a count that neither has seen."""
    seeds = settings.seeds_or(SEEDS)
    compose = {"counts": COUNTS, "max_objects": MAX_OBJECTS}
    train, valid, test = (settings.scenes(split, **compose) for split in ("train", "valid", "test"))
    unseen = settings.scenes("test", seed=1, counts=(NEW,), max_objects=MAX_OBJECTS)
    tests = {"as in training": test, f"{NEW} digits": unseen}
    config = settings.config(max_objects=MAX_OBJECTS)
    results: dict[tuple[str, str], list[Result]] = {}
    for seed in seeds:
        air = train_model(settings, f"air-{seed}", train, config, seed, valid)
        net = SceneNet(config.model, train.image_shape, CLASSES, key=jax.random.key(seed))
        targets = scene_targets(train, MAX_OBJECTS)
        steps = settings.choose(STEPS, QUICK_STEPS)
        net = train_baseline(settings, f"supervised-{seed}", net, scene_loss, targets, steps=steps, seed=seed)
        for name, data in tests.items():
            results.setdefault(("supervised", name), []).append(_of_labelled(net.predict(data.images), truth_of(data)))
            results.setdefault(("AIR", name), []).append(_of_scenes(air.infer(data.images), truth_of(data), seed))
    forms = ("{:.1%}", "{:.3f}", "{:.1%}")
    rows = [[*key, *spreads(found, forms)] for key, found in results.items()]
    table = Table(
        "With all labels and without labels", ("model", "scenes", "count accuracy", "mean IoU", "classes"), rows
    )
    return Report("Training with and without labels", seeds, [table], {}, _checks(settings, results), NOTES)


def _of_labelled(found: LabelledScenes, truth: Truth) -> Result:
    scene, predicted, true = matches(found.boxes, found.counts, truth.boxes)
    right = found.classes[scene, predicted] == truth.labels[scene, true]
    iou = mean_iou(found.boxes, found.counts, truth.boxes, truth.counts)
    return Result(count_accuracy(found.counts, truth.counts), iou or 0.0, float(right.mean()) if len(right) else 0.0)


def _of_scenes(scenes: Scenes, truth: Truth, seed: int) -> Result:
    iou = mean_iou(scenes.boxes, scenes.counts, truth.boxes, truth.counts)
    classes = what_probe_accuracy(scenes.what, scenes.boxes, scenes.counts, truth.boxes, truth.labels, seed)
    return Result(count_accuracy(scenes.counts, truth.counts), iou or 0.0, classes or 0.0)


def _checks(settings: Settings, results: dict[tuple[str, str], list[Result]]) -> list[Check]:
    def middle(model: str, scenes: str) -> float:
        return float(np.median([result.counts for result in results[model, scenes]]))

    new = f"{NEW} digits"
    if settings.quick:
        return [
            Check("count accuracy, supervised", middle("supervised", "as in training"), 0.8),
            Check("count accuracy, AIR", middle("AIR", "as in training"), 0.8),
        ]
    ahead = middle("AIR", new) - middle("supervised", new)
    return [Check(f"count accuracy on {new}, AIR less supervised", ahead, 0.0)]


NOTES = (
    "Supervised: the cell of the preset `default`, trained with the labels of all training images.",
    "AIR: the preset `default`, without labels.",
    "Classes: the proportion of objects matched with a true bounding box whose class is predicted correctly. For AIR a "
    "linear probe predicts the class; it learns from one half of the test images and is tested on the other half.",
)
