"""Table-tops of several objects (the paper's section 3.3): what stands where; counts never seen; another view."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from attend.config import preset
from attend.data import SceneData, draw_table, load
from attend.evaluation import evaluate
from attend.experiments import on_table
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spreads
from attend.experiments.on_table import table_of
from attend.experiments.pictures import image_rows
from attend.experiments.runs import train_model
from attend.experiments.truth import table_truth_of
from attend.model import Model
from attend.render3d import Camera, Light, TableRenderer
from attend.scenes import Scenes

WORLD = "tabletop"
SEEDS = (0, 1, 2)
N, QUICK_N = {"train": 30_000, "valid": 500, "test": 5_000}, {"train": 2_000, "valid": 100, "test": 200}
CANVAS, QUICK_CANVAS = 64, 32
QUICK_MODEL = on_table.QUICK_MODEL | {"steps": 300, "batch_size": 64}
MAX_OBJECTS, QUICK_MAX_OBJECTS = 3, 1
NEW = 3
"""The count that a training of its own leaves out."""
CHANGED = 1_000
"""Scenes under each change of camera and light."""
QUICK_CHANGES = 2
"""How many of these a quick run tries; each is compiled."""
SHOWN = 8


@experiments.register(WORLD)
def tabletop(settings: Settings) -> Report:
    """Train on every count, and on all but the largest; look from elsewhere, and under another light."""
    seeds = settings.seeds_or(SEEDS)
    most = settings.choose(MAX_OBJECTS, QUICK_MAX_OBJECTS)
    config = preset(WORLD).replace(max_objects=most, **settings.choose({}, QUICK_MODEL))
    every = _scenes(settings, tuple(range(most + 1)), most)
    results: dict[str, list[tuple[float, ...]]] = {}
    model, scenes = None, None
    for seed in seeds:
        model = train_model(settings, f"seed-{seed}", every["train"], config, seed, every["valid"])
        scenes = model.infer(every["test"].images)
        results.setdefault("every count", []).append(_measure(model, scenes, every["test"]))
    if not settings.quick:
        fewer, new = _scenes(settings, range(NEW), most), _scenes(settings, (NEW,), most)["test"]
        for seed in seeds:
            limited = train_model(settings, f"fewer-{seed}", fewer["train"], config, seed, fewer["valid"])
            result = _measure(limited, limited.infer(new.images), new)
            results.setdefault(f"{NEW} objects, trained on fewer", []).append(result)
    assert model is not None
    assert scenes is not None
    rows = [[name, *spreads(found, FORMS)] for name, found in results.items()]
    tables = [Table("Kinds, places and yaws", HEADINGS, rows), _changes(settings, model, most)]
    return Report("Table-tops", seeds, tables, {"views": _views(model, scenes)}, _checks(settings, results), NOTES)


HEADINGS = ("scenes", "count accuracy", "correct kind", "place, % of the table: median", "yaw, degrees: median")
FORMS = ("{:.1%}", "{:.1%}", "{:.1%}", "{:.1f}")


def _scenes(settings: Settings, counts: Any, most: int) -> dict[str, SceneData]:
    canvas = settings.choose(CANVAS, QUICK_CANVAS)
    sizes = settings.choose(N, QUICK_N)
    return {
        split: load(WORLD, split=split, n=n, canvas=canvas, counts=tuple(counts), max_objects=most)
        for split, n in sizes.items()
    }


def _measure(model: Model, scenes: Scenes, data: SceneData) -> tuple[float, ...]:
    """Count accuracy; of matched objects the share of kinds told, and the median errors of place and yaw."""
    renderer = table_of(model.p)
    counts, poses, labels = table_truth_of(data)
    report = evaluate(scenes, counts=counts, labels=labels, poses=poses, folds=renderer.what.folds)
    if report["yaw_error_rad"] is None:
        return report["count_accuracy"], 0.0, 1.0, 180.0
    place, yaw = report["position_error_m"] / renderer.width, float(np.degrees(report["yaw_error_rad"]))
    return report["count_accuracy"], report["identity_accuracy"], place, yaw


def _changes(settings: Settings, model: Model, most: int) -> Table:
    """How the same model does when the camera or the light is not the one that it knows."""
    renderer = table_of(model.p)
    x, y, z = renderer.camera.position
    changes: dict[str, Camera | Light] = {"as in training": renderer.camera}
    for share in (-0.1, -0.05, 0.05, 0.1):
        changes[f"camera {share:+.0%} higher"] = dataclasses.replace(renderer.camera, position=(x, y, z * (1 + share)))
    right, front, up = renderer.light.direction
    changes["lamp from the other side"] = dataclasses.replace(renderer.light, direction=(-right, front, up))
    for ambient in (0.25, 0.5):
        changes[f"ambient light {ambient} for {renderer.light.ambient}"] = dataclasses.replace(
            renderer.light, ambient=ambient
        )
    rows = []
    for name, part in list(changes.items())[: settings.choose(None, QUICK_CHANGES)]:
        field = "camera" if isinstance(part, Camera) else "light"
        changed = dataclasses.replace(renderer, **{field: part})
        n = settings.choose(CHANGED, QUICK_N["test"])
        data = draw_table(changed, n=n, seed=(0, 3), counts=range(most + 1), max_objects=most)
        rows.append([name, *spreads([_measure(model, model.infer(data.images), data)], FORMS)])
    return Table("Under another camera or light (last seed)", HEADINGS, rows)


def _views(model: Model, scenes: Scenes):
    """Images, their reconstructions, and the scenes inferred, seen from the side."""
    busiest = np.argsort(-scenes.counts, kind="stable")[:SHOWN]
    chosen = scenes[busiest]
    camera = Camera(position=(1.0, -0.5, 0.6), target=(0.0, 0.0, 0.0))
    aside = dataclasses.replace(table_of(model.p), camera=camera)
    rows = {"image": chosen.images, "reconstruction": chosen.reconstructions, "from the side": redrawn(aside, chosen)}
    return image_rows(rows)


def redrawn(renderer: TableRenderer, scenes: Scenes) -> Float[np.ndarray, "n h w 3"]:
    """Inferred scenes as another renderer of the same objects shows them."""

    @eqx.filter_jit
    @jax.vmap
    def draw(where, what, exists):
        state = renderer.empty()
        for place, thing, there in zip(where, what, exists, strict=True):
            added = renderer.add(state, renderer.layer(place, thing))
            state = jax.tree.map(lambda new, old, there=there: jnp.where(there, new, old), added, state)
        return renderer.canvas(state)

    return np.clip(np.asarray(draw(*map(jnp.asarray, (scenes.where, scenes.what, scenes.exists)))), 0, 1)


def _checks(settings: Settings, results: dict[str, list[tuple[float, ...]]]) -> list[Check]:
    every = results["every count"]
    if settings.quick:
        return [
            Check("count accuracy", min(result[0] for result in every), 0.8),
            Check("correct kind of matched objects", min(result[1] for result in every), 0.8),
        ]
    new = results[f"{NEW} objects, trained on fewer"]
    return [
        Check("count accuracy, worst seed", min(result[0] for result in every), 0.97),
        Check("correct kind of matched objects, worst seed", min(result[1] for result in every), 0.95),
        Check("median error of place over the table's width, worst seed", max(r[2] for r in every), 0.03, True),
        Check("median error of yaw in degrees, worst seed", max(r[3] for r in every), 10.0, True),
        Check(f"count accuracy on {NEW} objects, trained on fewer, worst seed", min(r[0] for r in new), 0.85),
    ]


NOTES = (
    "AIR with the preset `tabletop`, which knows the renderer and sees only images.",
    "Kind, place and yaw: of inferred objects that are matched one to one with true objects by their place. A rotation "
    "that does not change the appearance of an object counts as no error.",
    "The figure shows the images with the most objects and, below, the inferred scenes drawn from another camera.",
)
