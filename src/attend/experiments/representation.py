"""What the codes are good for (the paper's section 3.2): the sum and the order of two digits, from few labels."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int

from attend.baselines import (
    VAE,
    Autoencoder,
    Classifier,
    Draw,
    autoencoder_loss,
    classifier_loss,
    elbo_loss,
)
from attend.data import SceneData
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import curves
from attend.experiments.probes import CodeProbe, ObjectProbe, probe_accuracy
from attend.experiments.runs import train_baseline, train_model
from attend.experiments.truth import truth_of
from attend.model import Model
from attend.scenes import Scenes

SEEDS = (0,)
SHARES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
QUICK_SHARES = (0.05, 1.0)
"""Of the labels of the training scenes; the first ones are taken."""
AIR, BY_OBJECT = "AIR", "AIR, object by object"
"""The same code, read by a plain probe and by one that knows that it is of two objects."""
SUM, ORDER = "sum of the digits", "ascending order"
DIGITS = np.arange(10)
RULES = {SUM: np.add.outer(DIGITS, DIGITS), ORDER: np.less_equal.outer(DIGITS, DIGITS).astype(np.int64)}
"""The class of each pair of digits, the left one first."""
CLASSES = {name: int(rule.max()) + 1 for name, rule in RULES.items()}
MAX_OBJECTS = 2
STEPS, QUICK_STEPS, DRAW_STEPS = 10_000, 300, 5_000
"""Of the baselines' trainings; a step of DRAW takes several times as long."""
PIXEL_STEPS, QUICK_PIXEL_STEPS = 4_000, 300
PROBE_STEPS, QUICK_PROBE_STEPS = 4_000, 800
TARGETS = {SUM: (0.75, 0.95), ORDER: (0.85, 0.97)}
QUICK_TARGETS = {SUM: (0.25, 0.25), ORDER: (0.6, 0.62)}
"""From AIR's code, object by object, with few labels and with all."""
QUICK_BASELINES = ("autoencoder",)
CHUNK = 5000

Codes = tuple[np.ndarray, np.ndarray]
"""Of the training scenes and of the test scenes."""


class Task(NamedTuple):
    """What is to be predicted: its name, and the classes of the training and of the test scenes."""

    name: str
    train: Int[np.ndarray, " n"]
    test: Int[np.ndarray, " m"]


@experiments.register("representation")
def representation(settings: Settings) -> Report:
    """Learn codes without labels, then the tasks from them; and the tasks from pixels with labels only."""
    seeds = settings.seeds_or(SEEDS)
    shares = settings.choose(SHARES, QUICK_SHARES)
    train, test = (settings.scenes(split, counts=(2,), max_objects=MAX_OBJECTS) for split in ("train", "test"))
    answers = answers_of(train), answers_of(test)
    tasks = [Task(name, answers[0][name], answers[1][name]) for name in RULES]
    accuracies: dict[str, dict[str, list[list[float]]]] = {name: {} for name in RULES}
    for seed in seeds:
        air = train_model(settings, f"air-{seed}", train, settings.config(max_objects=MAX_OBJECTS), seed)
        codes = _codes(settings, air, train, test, seed)
        for task in tasks:
            by_object = partial(ObjectProbe, draw=Drawn(air), rule=RULES[task.name])
            probes = {name: (by_object if name == BY_OBJECT else CodeProbe, code) for name, code in codes.items()}
            results = {name: _from_code(settings, task, *probe, shares, seed) for name, probe in probes.items()}
            results["pixels, labels only"] = _from_pixels(settings, task, train, test, shares, seed)
            for name, values in results.items():
                accuracies[task.name].setdefault(name, []).append(values)
    tables, figures = [], {}
    for task, found in accuracies.items():
        headings = ("code", *(f"{share:.1%} of labels" for share in shares))
        rows = [[name, *(spread(v) for v in zip(*values, strict=True))] for name, values in found.items()]
        tables.append(Table(task.capitalize(), headings, rows))
        percent = [100 * share for share in shares]
        lines = {name: [(percent, [100 * v for v in vs]) for vs in values] for name, values in found.items()}
        figures[task.split()[0]] = curves(lines, "labels used, %", "accuracy, %", log_x=True)
    return Report("What the codes are useful for", seeds, tables, figures, _checks(settings, shares, accuracies), NOTES)


def answers_of(data: SceneData) -> dict[str, np.ndarray]:
    """The classes of each task; in order: the left digit is not greater than the right one."""
    truth = truth_of(data)
    middles = truth.boxes[..., 0] + truth.boxes[..., 2] / 2
    left, right = np.take_along_axis(truth.labels, middles.argsort(axis=1, kind="stable"), axis=1).T
    return {name: rule[left, right] for name, rule in RULES.items()}


def _codes(settings: Settings, air: Model, train: SceneData, test: SceneData, seed: int) -> dict[str, Codes]:
    """The codes of every unsupervised model."""
    air_codes = _air_codes(air, train.images), _air_codes(air, test.images)
    codes: dict[str, Codes] = {AIR: air_codes, BY_OBJECT: air_codes}
    key, size, steps = jax.random.key(seed), train.image_shape, settings.choose(STEPS, QUICK_STEPS)
    baselines: dict[str, tuple[Autoencoder | Draw | VAE, Callable]] = {
        "DRAW": (Draw(size, key=key), elbo_loss),
        "autoencoder": (Autoencoder(size, key=key), autoencoder_loss),
        "VAE": (VAE(size, key=key), elbo_loss),
    }
    for name in settings.choose(tuple(baselines), QUICK_BASELINES):
        module, loss = baselines[name]
        run, length = f"{name.lower()}-{seed}", DRAW_STEPS if name == "DRAW" else steps
        trained = train_baseline(settings, run, module, loss, train.images, steps=length, seed=seed)
        codes[name] = trained.code(train.images), trained.code(test.images)
    return codes


def _air_codes(air: Model, images: np.ndarray) -> np.ndarray:
    """The codes of many images, some thousands at once to bound the memory."""
    parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    return np.concatenate([air_code(air.infer(part)) for part in parts])


def air_code(scenes: Scenes) -> np.ndarray:
    """What and where of the two objects, the left one first; zeros for one that was not found."""
    objects = np.concatenate([scenes.what, scenes.where], axis=2)
    order = np.where(scenes.exists, scenes.where[..., 1], np.inf).argsort(axis=1, kind="stable")
    return np.take_along_axis(objects * scenes.exists[..., None], order[..., None], axis=1).reshape(len(scenes), -1)


class Drawn(eqx.Module):
    """What p draws of an object, from its half of an `air_code`."""

    renderer: Any

    def __init__(self, air: Model):
        self.renderer = air.p.renderer

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, "g g c"]:
        """The object alone, in [0, 1]."""
        return self.renderer.patch(code[: -len(self.renderer.where.names)])


def _from_code(
    settings: Settings,
    task: Task,
    probe: Callable[..., CodeProbe | ObjectProbe],
    code: Codes,
    shares: tuple[float, ...],
    seed: int,
) -> list[float]:
    """The accuracy of a probe of a code at each share of the labels."""
    steps = settings.choose(PROBE_STEPS, QUICK_PROBE_STEPS)
    accuracies = []
    train, test, classes = (code[0], task.train), (code[1], task.test), max(CLASSES.values())
    for share in shares:
        k = round(share * len(task.train))
        accuracies.append(probe_accuracy(probe, train, test, labelled=k, classes=classes, steps=steps, seed=seed))
    return accuracies


def _from_pixels(
    settings: Settings, task: Task, train: SceneData, test: SceneData, shares: tuple[float, ...], seed: int
) -> list[float]:
    """The accuracy of a convolutional network that sees the labelled scenes and no others."""
    accuracies = []
    for share in shares:
        k = round(share * len(train))
        module = train_baseline(
            settings,
            f"pixels-{task.name.split()[0]}-{k}-{seed}",
            Classifier(train.image_shape, CLASSES[task.name], key=jax.random.key(seed)),
            classifier_loss,
            {"images": train.images[:k], "labels": task.train[:k].astype(np.int32)},
            steps=settings.choose(PIXEL_STEPS, QUICK_PIXEL_STEPS),
            seed=seed,
        )
        accuracies.append(float(np.mean(module.predict(test.images) == task.test)))
    return accuracies


def _checks(
    settings: Settings, shares: tuple[float, ...], accuracies: dict[str, dict[str, list[list[float]]]]
) -> list[Check]:
    few, bounds = settings.choose((0.01, TARGETS), (QUICK_SHARES[0], QUICK_TARGETS))
    checks = []
    for task, by_share in bounds.items():
        for share, bound in zip((few, 1.0), by_share, strict=True):
            at = shares.index(share)
            value = float(np.median([values[at] for values in accuracies[task][BY_OBJECT]]))
            checks.append(Check(f"{task} from {BY_OBJECT}, {share:.0%} of labels", value, bound))
    return checks


NOTES = (
    "The images show exactly two digits. All models except the last learn from the pixels of all training images, for "
    f"{STEPS:,} steps (DRAW for {DRAW_STEPS:,}).",
    "The code of AIR consists of `what` and `where` of both objects, the left one first; an object that is not found "
    "is represented by zeros. The codes of the other models are the means of all latent variables.",
    "A network with one hidden layer of 256 units learns from each code; the codes are standardised, and noise of "
    "0.3 is added. 'AIR, object by object' uses the same code: p draws each object alone, and one convolutional "
    "network for both predicts the value of each, 0 to 9; in its training the drawings are slightly rotated, "
    "stretched and moved. The sum or the order of the two values is then computed, not learned.",
    "Ascending order: the left digit is not greater than the right one. The middle of the bounding box decides which "
    "is left.",
    "Pixels: a convolutional network with the architecture of the autoencoder's encoder, trained on the labelled "
    "images only.",
)
