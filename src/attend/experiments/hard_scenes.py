"""Scenes that AIR was not made for: objects that hide one another, photographs behind them, a crowd of them."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from attend.data import load
from attend.evaluation import evaluate
from attend.experiments.crops import crops
from attend.experiments.frame import QUICK_N, Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import inference_rows
from attend.experiments.runs import train_model
from attend.experiments.truth import truth_of
from attend.tiling import infer_tiled

SEEDS = (0, 1, 2)
N = {"train": 30_000, "valid": 1_000, "test": 5_000}
CROPS = 4
"""Of every scene, where crops are learned from."""
SHOWN = 8


class Size(NamedTuple):
    """How large an experiment is.

    Attributes:
        options: of the data set.
        model: what differs from the settings of such a run.
        targets: of numbers in `COLUMNS`, what the worst seed should reach.
        crop: the side in pixels of the crops that are learned from if not from whole scenes, which are then looked at
            in tiles.
    """

    options: dict[str, Any]
    model: dict[str, Any]
    targets: dict[str, float]
    crop: int = 0


class World(NamedTuple):
    """Scenes of a kind, and how they are learned in a full and in a quick run.

    Attributes:
        source: a data set, or "" for the digits that the command line names.
    """

    title: str
    source: str
    notes: tuple[str, ...]
    full: Size
    quick: Size


COLUMNS = {
    "count_accuracy": ("count accuracy", "{:.1%}"),
    "within_one": ("count within 1", "{:.1%}"),
    "count_ece": ("count ECE", "{:.4f}"),
    "mean_iou": ("mean IoU", "{:.3f}"),
    "ap50": ("AP50", "{:.3f}"),
}


def hard_scenes(world: World, settings: Settings) -> Report:
    """Train on scenes of a world, or on crops of them; count and locate in others."""
    seeds = settings.seeds_or(SEEDS)
    size = settings.choose(world.full, world.quick)
    train, valid, test = (
        load(world.source or settings.data, split=split, n=n, **size.options)
        for split, n in settings.choose(N, QUICK_N).items()
    )
    truth = truth_of(test)
    config = settings.config(**size.model)
    learned, watched = (crops(train, size.crop, each=CROPS), None) if size.crop else (train, valid)
    reports, shown = [], None
    for seed in seeds:
        model = train_model(settings, f"seed-{seed}", learned, config, seed, watched)
        scenes = infer_tiled(model, test.images) if size.crop else model.infer(test.images)
        shown = shown or scenes[:SHOWN]
        within = float(np.mean(np.abs(scenes.counts - truth.counts) <= 1))
        reports.append(evaluate(scenes, **truth._asdict()) | {"within_one": within})
    assert shown is not None
    rows = [[name, spread([r[key] for r in reports], form)] for key, (name, form) in COLUMNS.items()]
    checks = [
        Check(f"{COLUMNS[key][0]}, worst seed", min(r[key] for r in reports), bound)
        for key, bound in size.targets.items()
    ]
    table = Table("On test images", ("what", "value"), rows)
    return Report(world.title, seeds, [table], {"inference": inference_rows({"image": shown})}, checks, world.notes)


BEFORE_PHOTOGRAPHS: dict[str, Any] = {
    "renderer": "flat",
    "background": "learned",
    "pixel_sd": 0.1,
    "pixel_covariance": "full",
    "saliency": 2.0,
    "estimator": "wake",
    "count": "posterior",
}
"""Settings of a full and of a quick run alike."""

WORLDS = {
    "occlusion": World(
        "Shapes that cover each other",
        "sprites",
        ("Coloured shapes. Other shapes may cover up to one half of each. The renderer is `flat`.",),
        Size(
            {"counts": (0, 1, 2, 3, 4), "max_overlap": 0.5},
            {
                "renderer": "flat",
                "max_objects": 4,
                "scale": 0.38,
                "scale_reach": 2.0,
                "glimpse": 16,
                "what": 13,
                "decoder_widths": (256,),
                "steps": 8_000,
            },
            {"count_accuracy": 0.93},
        ),
        Size(
            {"counts": (0, 1, 2), "max_overlap": 0.5, "canvas": 28, "size": (9, 13)},
            {"renderer": "flat", "max_objects": 2, "scale": 0.4, "scale_reach": 2.0},
            {"count_accuracy": 0.6},
        ),
    ),
    "photographs": World(
        "Coloured digits on photographs",
        "",
        (
            "Digits in random bright colours on random pieces of photographs that come with scikit-image. The test "
            "images contain neither digits nor pieces of photographs of the training images. The renderer is `flat`, "
            "and the background is `learned`.",
        ),
        Size(
            {"counts": (0, 1, 2, 3), "photographs": True},
            {
                **BEFORE_PHOTOGRAPHS,
                "background_code": 128,
                "background_coarseness": 0.2,
                "background_corrections": 2,
                "corrections_from": 4_500,
                "max_objects": 3,
                "scale_reach": 1.0,
                "likelihood": "student",
                "pixel_dof": 500.0,
                "pixel_dof_parts": 2,
                "count_price": 250.0,
                "count_passes": 16,
                "count_anneal_steps": 1_500,
                "steps": 9_000,
            },
            {"count_accuracy": 0.95, "ap50": 0.9},
        ),
        Size(
            {"counts": (0, 1, 2), "photographs": True, "canvas": 28, "size": (12, 14)},
            {
                **BEFORE_PHOTOGRAPHS,
                "background_coarseness": 0.4,
                "max_objects": 2,
                "scale_reach": 2.0,
                "count_price": 100.0,
            },
            {"count_accuracy": 0.7},
        ),
    ),
    "crowds": World(
        "Many small digits",
        "",
        (
            "The model is trained on crops of 48x48 pixels from images of 100x100 and then applied in tiles to whole "
            "images.",
        ),
        Size(
            {"counts": tuple(range(6, 13)), "canvas": 100, "size": (14, 17)},
            {"max_objects": 6, "scale": 0.31, "scale_sd": 0.15, "scale_reach": 1.0, "pixel_sd": 0.2, "steps": 5_000},
            {"within_one": 0.95, "count_accuracy": 0.8},
            crop=48,
        ),
        Size(
            {"counts": (2, 3, 4), "canvas": 56, "size": (12, 14)},
            {"max_objects": 3, "scale": 0.45, "scale_sd": 0.15, "scale_reach": 1.0, "pixel_sd": 0.2},
            {"within_one": 0.6, "count_accuracy": 0.3},
            crop=28,
        ),
    ),
}
"""What is tried, by the name of its experiment."""

for _name, _world in WORLDS.items():
    experiments.register(_name)(partial(hard_scenes, _world))
