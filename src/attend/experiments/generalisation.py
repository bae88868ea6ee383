"""Counts never seen in training (the paper's section 3.3): AIR, DAIR, the default cell, and DRAW."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from attend.baselines import Draw, elbo_loss
from attend.data import SceneData
from attend.evaluation import count_accuracy
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import mse, spreads
from attend.experiments.pictures import image_rows
from attend.experiments.runs import train_baseline, train_model
from attend.experiments.truth import counts_of
from attend.model import as_float

SEEDS = (0,)
REGIMES = {"extrapolation": ((0, 1, 2), 3), "interpolation": ((0, 1, 3), 2)}
"""The counts of the training scenes, and the one that is new in testing."""
MAX_OBJECTS = 3
CELLS = {"AIR": "lstm", "DAIR": "lstm-difference", "glance": "glance"}
"""The models by name, each with its cell; `glance` is the default."""
QUICK_CELLS = ("AIR", "glance")
LSTM_WIDTHS, QUICK_LSTM_WIDTHS = (256,), (64,)
DRAW_STEPS, QUICK_DRAW_STEPS = 5_000, 300
QUICK_DRAW = {"steps": 4, "hidden": 64, "latent": 20}
PROBE_SCENES = 10_000
"""Labelled training scenes from which DRAW's counts are learned."""
SHOWN = 8

TARGETS = {"extrapolation": (0.95, 0.6), "interpolation": (0.96, 0.6)}
"""Of the default cell's count accuracy on the new count; in a full and in a quick run."""

Seer = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From images to their counts and reconstructions."""


class Result(NamedTuple):
    """Count accuracy and reconstruction error, on counts as in training and on the new one."""

    seen: float
    new: float
    seen_mse: float
    new_mse: float


@experiments.register("generalisation")
def generalisation(settings: Settings) -> Report:
    """Train every model in both regimes and test it on the counts of the training and on the new one."""
    seeds = settings.seeds_or(SEEDS)
    cells = settings.choose(tuple(CELLS), QUICK_CELLS)
    tables, figures, checks = [], {}, []
    for regime, (counts, new) in REGIMES.items():
        compose = {"counts": counts, "max_objects": MAX_OBJECTS}
        train, valid, test = (settings.scenes(split, **compose) for split in ("train", "valid", "test"))
        unseen = settings.scenes("test", seed=1, counts=(new,), max_objects=MAX_OBJECTS)
        results: dict[str, list[Result]] = {name: [] for name in (*cells, "DRAW")}
        pictures = {"image": as_float(unseen.images[:SHOWN])}
        for seed in seeds:
            for name, found in results.items():
                see = (
                    _draw(settings, f"{regime}-{name}-{seed}", train, seed)
                    if name == "DRAW"
                    else _air(settings, f"{regime}-{name}-{seed}", train, valid, seed, CELLS[name])
                )
                found.append(_measure(see, test, unseen))
                pictures.setdefault(name, see(unseen.images[:SHOWN])[1])
        figures[regime] = image_rows(pictures)
        tables.append(_table(f"{regime.capitalize()}: trained on {counts}, tested on {new}", results))
        best = float(np.median([result.new for result in results["glance"]]))
        checks.append(Check(f"{regime}, count accuracy of the default cell", best, settings.choose(*TARGETS[regime])))
    notes = [
        "AIR uses the paper's LSTM, which sees the image; DAIR uses its LSTM that sees the image minus the canvas; "
        "glance is the default cell. In all other respects the three are the preset `default`.",
        f"DRAW has no count. A ridge regression learns the count from its code and from up to {PROBE_SCENES:,} "
        "labelled training images, which the other models do not have; the result is rounded. It can predict counts "
        f"that it has not seen. DRAW is trained for {settings.choose(DRAW_STEPS, QUICK_DRAW_STEPS):,} steps, which "
        f"take longer than the {settings.config().train.steps:,} steps of the others.",
        "MSE: the mean squared error of a reconstruction per pixel; pixels are in [0, 1]. The figures show images "
        "with the new count.",
    ]
    return Report("Counts never seen in training", seeds, tables, figures, checks, notes)


def _air(settings: Settings, run: str, train: SceneData, valid: SceneData, seed: int, cell: str) -> Seer:
    widths = {} if cell == "glance" else {"cell_widths": settings.choose(LSTM_WIDTHS, QUICK_LSTM_WIDTHS)}
    config = settings.config(cell=cell, max_objects=MAX_OBJECTS, **widths)
    model = train_model(settings, run, train, config, seed, valid)

    def see(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scenes = model.infer(images)
        return scenes.counts, scenes.reconstructions

    return see


def _draw(settings: Settings, run: str, train: SceneData, seed: int) -> Seer:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    module = Draw(train.image_shape, **settings.choose({}, QUICK_DRAW), key=jax.random.key(seed))
    steps = settings.choose(DRAW_STEPS, QUICK_DRAW_STEPS)
    module = train_baseline(settings, run, module, elbo_loss, train.images, steps=steps, seed=seed)
    known = train[:PROBE_SCENES]
    probe = make_pipeline(StandardScaler(), Ridge()).fit(module.code(known.images), counts_of(known))

    def see(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        counts = np.clip(np.rint(probe.predict(module.code(images))), 0, None).astype(np.int64)
        return counts, module.reconstruct(images)

    return see


def _measure(see: Seer, test: SceneData, unseen: SceneData) -> Result:
    accuracies, errors = [], []
    for data in (test, unseen):
        counts, reconstructions = see(data.images)
        accuracies.append(count_accuracy(counts, counts_of(data)))
        errors.append(mse(as_float(data.images), reconstructions))
    return Result(*accuracies, *errors)


def _table(title: str, results: dict[str, list[Result]]) -> Table:
    forms = ("{:.1%}", "{:.1%}", "{:.5f}", "{:.5f}")
    rows = [[name, *spreads(found, forms)] for name, found in results.items()]
    headings = (
        "model",
        "count accuracy, counts as in training",
        "new count",
        "MSE, counts as in training",
        "new count",
    )
    return Table(title, headings, rows)
