"""Counts and places of digits, learned without a label (the paper's section 3.1): every seed, and how it learns."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from attend.data import SceneData
from attend.evaluation import evaluate
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import inference_rows
from attend.experiments.runs import train_model
from attend.experiments.truth import counts_of
from attend.figures import curves_figure
from attend.model import Model
from attend.scenes import Scenes
from attend.training import RunFolder

SEEDS = range(20)
STAGES, QUICK_STAGES = (200, 500, 1000, 2000), (200,)
"""Steps of training after which inference is shown; each a training of its own at a constant learning rate."""
BOUND_IMAGES, BOUND_SAMPLES, QUICK_BOUND_SAMPLES = 1000, 100, 10
REACHED = 0.98
"""The count accuracy whose step and time are reported."""
SHOWN = 8
SAMPLED = 2000
"""Scenes drawn from each model, whose counts are compared with those of the test scenes."""
BINS = 25

COLUMNS = {
    "count accuracy": ("count_accuracy", "{:.2%}"),
    "count ECE": ("count_ece", "{:.4f}"),
    "mean IoU": ("mean_iou", "{:.3f}"),
    "AP50": ("ap50", "{:.3f}"),
    "ELBO": ("elbo", "{:.1f}"),
    "bound": ("iw_bound", "{:.1f}"),
    "probe of `what`": ("what_probe_accuracy", "{:.1%}"),
    "sampled counts": ("total_variation", "{:.3f}"),
    "minutes": ("minutes", "{:.1f}"),
}


@experiments.register("multi-mnist")
def multi_mnist(settings: Settings) -> Report:
    """Train the preset `default` from every seed; measure it on scenes of digits it has not seen."""
    seeds = settings.seeds_or(SEEDS)
    train, valid, test = (settings.scenes(split) for split in ("train", "valid", "test"))
    shown = np.flatnonzero(counts_of(test))[:SHOWN]
    stages = {
        f"step {steps:,}": train_model(
            settings, f"stage-{steps}", train, settings.config(steps=steps, decay="none"), seeds[0]
        ).infer(test.images[shown])
        for steps in settings.choose(STAGES, QUICK_STAGES)
    }
    reports, first = [], None
    for seed in seeds:
        model = train_model(settings, f"seed-{seed}", train, settings.config(), seed, valid)
        scenes = model.infer(test.images)
        reports.append(_measure(settings, model, scenes, test, seed))
        first = first or scenes
    assert first is not None
    stages["trained"] = first[shown]
    accuracies = [report["count_accuracy"] for report in reports]
    figures = {
        "inference": inference_rows(stages),
        "order": order_figure(first, counts_of(test)),
        "outcomes": outcomes_figure(accuracies),
        "curves": curves_figure(RunFolder(settings.runs / f"seed-{seeds[0]}").metrics()),
    }
    notes = [
        "The scenes tested are composed of digits that are in no training scene.",
        f"bound: importance-weighted, {settings.choose(BOUND_SAMPLES, QUICK_BOUND_SAMPLES)} samples, on the first "
        f"{BOUND_IMAGES:,} test scenes; ELBO and bound in nats, constants included.",
        f"sampled counts: total variation between the counts of {SAMPLED:,} scenes drawn from the model and those of "
        "the test scenes.",
        "inference: each row is a training of its own that ends at that step, at a constant learning rate and "
        "otherwise the same; rows of one seed share their first steps.",
        "order: where the first, the second, ... window lies, over the test scenes that have one.",
    ]
    return Report(
        "Multi-digit scenes: counts and places, every seed",
        seeds,
        [_seeds_table(seeds, reports), _outcomes_table(reports)],
        figures,
        _checks(settings, reports),
        notes,
    )


def _measure(settings: Settings, model: Model, scenes: Scenes, test: SceneData, seed: int) -> dict[str, Any]:
    """The evaluation of one seed, and how long it took to learn."""
    samples = settings.choose(BOUND_SAMPLES, QUICK_BOUND_SAMPLES)
    report = evaluate(
        scenes,
        counts=test.counts,
        boxes=test.boxes,
        labels=test.labels,
        elbo=model.elbo(test.images).mean(),
        iw_bound=model.importance_weighted_bound(test.images[:BOUND_IMAGES], samples=samples).mean(),
    )
    rows = RunFolder(settings.runs / f"seed-{seed}").metrics()
    reached = [(row["step"], row["seconds"] / 60) for row in rows if (row.get("count_accuracy") or 0) >= REACHED]
    shares = [
        np.bincount(counts, minlength=model.p.max_objects + 1) / len(counts)
        for counts in (model.sample(SAMPLED, seed=seed)[1], counts_of(test))
    ]
    return report | {
        "total_variation": float(np.abs(np.subtract(*shares)).sum() / 2),
        "minutes": rows[-1]["seconds"] / 60,
        "reached": reached[0] if reached else None,
    }


def _seeds_table(seeds: tuple[int, ...], reports: list[dict[str, Any]]) -> Table:
    rows = []
    for seed, report in zip(seeds, reports, strict=True):
        reached = "never" if report["reached"] is None else "{:,} ({:.1f} min)".format(*report["reached"])
        rows.append([str(seed), *(spread([report[key]], form) for key, form in COLUMNS.values()), reached])
    return Table("Seeds", ("seed", *COLUMNS, f"step with {REACHED:.0%} of validation"), rows)


def _outcomes_table(reports: list[dict[str, Any]]) -> Table:
    quantiles = {"worst": 0.0, "lower quartile": 0.25, "median": 0.5, "upper quartile": 0.75, "best": 1.0}
    accuracies = [report["count_accuracy"] for report in reports]
    rows = [[name, f"{np.quantile(accuracies, q):.2%}"] for name, q in quantiles.items()]
    by_count = [report["count_accuracy_by_count"] for report in reports]
    rows += [[f"scenes of {count}", spread([r[count] for r in by_count], "{:.2%}")] for count in by_count[0]]
    return Table("Count accuracy over seeds", ("", "count accuracy"), rows)


def _checks(settings: Settings, reports: list[dict[str, Any]]) -> list[Check]:
    def middle(key: str, q: float = 0.5) -> float:
        return float(np.quantile([report[key] for report in reports], q))

    worst = Check("count accuracy, worst seed", middle("count_accuracy", 0.0), settings.choose(0.985, 0.8))
    if settings.quick:
        return [worst, Check("count ECE", middle("count_ece"), 0.1, True), Check("mean IoU", middle("mean_iou"), 0.5)]
    steps, minutes = np.median([report["reached"] or (np.inf, np.inf) for report in reports], axis=0)
    return [
        worst,
        Check("count accuracy, median seed", middle("count_accuracy"), 0.992),
        Check("count ECE, median seed", middle("count_ece"), 0.01, True),
        Check("linear probe of `what`, median seed", middle("what_probe_accuracy"), 0.93),
        Check(f"steps to {REACHED:.0%}, median seed", float(steps), 6000, True),
        Check(f"minutes to {REACHED:.0%}, median seed", float(minutes), 4, True),
    ]


def order_figure(scenes: Scenes, counts: np.ndarray) -> Figure:
    """A heat map of the places of the first window, the second, ..., for as many as the scenes have objects."""
    steps = int(min(scenes.where.shape[1], max(counts.max(), 1)))
    figure = Figure(figsize=(2.4 * steps, 2.6), layout="constrained")
    for step, axes in enumerate(figure.subplots(1, steps, squeeze=False)[0]):
        x, y = scenes.where[scenes.counts > step, step, 1:3].T
        heat, _, _ = np.histogram2d(y, x, bins=BINS, range=[[-1, 1], [-1, 1]])
        axes.imshow(heat, cmap="magma", extent=(-1, 1, 1, -1))
        axes.set(title=f"window {step + 1}", xticks=[], yticks=[])
    return figure


def outcomes_figure(accuracies: list[float]) -> Figure:
    """The count accuracy of every seed, from the worst to the best."""
    figure = Figure(figsize=(4.5, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(accuracies) + 1), 100 * np.sort(accuracies), "o", markersize=4)
    axes.set(xlabel="seeds, from worst to best", ylabel="count accuracy, %")
    axes.grid(color="#eeeeee")
    return figure
