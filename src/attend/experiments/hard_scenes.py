"""Scenes that AIR was not made for: objects that hide one another, photographs behind them, a crowd of them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from attend.data import SceneData, load
from attend.evaluation import evaluate
from attend.experiments.frame import QUICK_MODEL, QUICK_N, Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import inference_rows
from attend.experiments.runs import train_model
from attend.experiments.truth import truth_of
from attend.tiling import infer_tiled

SEEDS = (0, 1, 2)
N = {"train": 30_000, "valid": 1_000, "test": 5_000}
SHOWN = 8


@dataclass(frozen=True)
class World:
    """Scenes of a kind, and how they are learned.

    Attributes:
        title: of the report.
        source: a data set, or "" for the digits that the command line names.
        options: of the data set; `quick_options` change some in a quick run.
        model: what differs from the preset `default`; `quick_model`, in a quick run.
        targets: of numbers in `COLUMNS`: what the worst seed should reach, and in a quick run.
        notes: of the report.
        crop: the side in pixels of the crops that are learned from if not from whole scenes, which are then looked at
            in tiles; `quick_crop`, in a quick run.
    """

    title: str
    source: str
    options: dict[str, Any]
    quick_options: dict[str, Any]
    model: dict[str, Any]
    quick_model: dict[str, Any]
    targets: dict[str, tuple[float, float]]
    notes: tuple[str, ...]
    crop: int = 0
    quick_crop: int = 0


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
    options = {**world.options, **settings.choose({}, world.quick_options)}
    train, valid, test = (
        load(world.source or settings.data, split=split, n=n, **options)
        for split, n in settings.choose(N, QUICK_N).items()
    )
    truth = truth_of(test)
    config = settings.config(**(world.model | settings.choose({}, QUICK_MODEL | world.quick_model)))
    crop = settings.choose(world.crop, world.quick_crop)
    learned, watched = (crops(train, crop), None) if crop else (train, valid)
    reports, shown = [], None
    for seed in seeds:
        model = train_model(settings, f"seed-{seed}", learned, config, seed, watched)
        scenes = infer_tiled(model, test.images) if crop else model.infer(test.images)
        shown = shown or scenes[:SHOWN]
        within = float(np.mean(np.abs(scenes.counts - truth.counts) <= 1))
        reports.append(evaluate(scenes, **truth._asdict()) | {"within_one": within})
    assert shown is not None
    rows = [[name, spread([r[key] for r in reports], form)] for key, (name, form) in COLUMNS.items()]
    checks = [
        Check(f"{COLUMNS[key][0]}, worst seed", min(r[key] for r in reports), settings.choose(*bounds))
        for key, bounds in world.targets.items()
    ]
    table = Table("On unseen scenes", ("what", "value"), rows)
    return Report(world.title, seeds, [table], {"inference": inference_rows({"image": shown})}, checks, world.notes)


def crops(data: SceneData, side: int, each: int = 4) -> SceneData:
    """Some random square parts of every scene, the same each time; what is in them is not known."""
    rng = np.random.default_rng(0)
    scene = np.repeat(np.arange(len(data)), each)
    y, x = (rng.integers(length - side + 1, size=len(scene)) for length in data.images.shape[1:3])
    windows = np.lib.stride_tricks.sliding_window_view(data.images, (side, side), axis=(1, 2))
    return SceneData(np.moveaxis(windows[scene, y, x], 1, 3))


WORLDS = {
    "occlusion": World(
        title="Shapes that hide one another",
        source="sprites",
        options={"counts": (0, 1, 2, 3, 4), "max_overlap": 0.5},
        quick_options={"canvas": 28, "size": (9, 13), "counts": (0, 1, 2)},
        model={
            "renderer": "flat",
            "max_objects": 4,
            "scale": 0.38,
            "scale_reach": 2.0,
            "glimpse": 16,
            "what": 13,
            "decoder_widths": (256,),
            "steps": 8_000,
        },
        quick_model={"max_objects": 2, "scale": 0.4},
        targets={"count_accuracy": (0.93, 0.6)},
        notes=("Coloured shapes, of each of which up to one half may be hidden by others. Renderer `flat`.",),
    ),
    "photographs": World(
        title="Digits in colours on photographs",
        source="",
        options={"counts": (0, 1, 2, 3), "photographs": True},
        quick_options={"canvas": 28, "size": (12, 14), "counts": (0, 1, 2)},
        model={
            "renderer": "flat",
            "background": "learned",
            "max_objects": 3,
            "scale_reach": 2.0,
            "steps": 10_000,
        },
        quick_model={"max_objects": 2},
        targets={"count_accuracy": (0.95, 0.35), "ap50": (0.9, 0.0)},
        notes=(
            "Digits in random bright colours on random pieces of photographs that come with scikit-image. Neither "
            "the digits nor the parts of the photographs in the test scenes are among those of the training scenes. "
            "Renderer `flat`, background `learned`.",
        ),
    ),
    "crowds": World(
        title="Many small digits",
        source="",
        options={"counts": tuple(range(6, 13)), "canvas": 100, "size": (14, 17)},
        quick_options={"canvas": 56, "size": (12, 14), "counts": (2, 3, 4)},
        model={
            "max_objects": 6,
            "scale": 0.31,
            "scale_sd": 0.15,
            "scale_reach": 1.0,
            "pixel_sd": 0.2,
            "steps": 5_000,
        },
        quick_model={"max_objects": 3, "scale": 0.45},
        targets={"within_one": (0.95, 0.6), "count_accuracy": (0.8, 0.3)},
        notes=("Trained on crops of 48x48 pixels of scenes of 100x100; whole scenes are then looked at in tiles.",),
        crop=48,
        quick_crop=28,
    ),
}
"""What is tried, by the name of its experiment."""

for _name, _world in WORLDS.items():
    experiments.register(_name)(partial(hard_scenes, _world))
