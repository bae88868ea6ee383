"""Real images whose truth is known: what `attend find` finds without label or setting, beside what people use."""

import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from scipy import ndimage

from attend.data import as_images, bundled_photographs, read_truth, truth_of
from attend.data.truth import boxes_of
from attend.errors import AttendError
from attend.evaluation import Objects, evaluate_images
from attend.experiments.beads import disagreement, with_trackpy
from attend.experiments.coins import photograph
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.exports import Results, overlay
from attend.figures import show_image
from attend.files import atomic_file
from attend.finding import foregrounds, without_dark_channels
from attend.looking.finding import find
from attend.scenes import Scenes

SEEDS = (0, 1, 2)

Image = UInt8[np.ndarray, "_rows _columns _channels"]


@dataclass(frozen=True)
class Target:
    """What should be reached on a set of images: the least F1 and the largest error of the total count."""

    f1: float
    count_error: float


TARGETS = {
    "nuclei": Target(0.92, 0.06),
    "nuclei-large": Target(0.85, 0.10),
    "nuclei-bright": Target(0.88, 0.08),
    "nuclei-dense": Target(0.90, 0.10),
    "nuclei-crowd": Target(0.84, 0.10),
    "tissue": Target(0.70, 0.20),
    "tissue-crowd": Target(0.65, 0.12),
    "cells-simulated": Target(0.92, 0.08),
    "marrow": Target(0.82, 0.25),
    "coins": Target(0.97, 0.05),
    "spheres": Target(1.0, 0.0),
}
"""By the name of the set; for others there is none."""

DISTANCE = {"marrow": 12.0}
"""Pixels within which a centre must be found where the truth is points; elsewhere 5."""

COUNTS = {"spheres": 5}
"""Objects in every image of sets whose truth is no more than that."""

BEADS = "beads"
"""The set in which what is found is compared with what trackpy finds."""

NOTHING = ("blank", "noise", "gradient", "camera", "brick", "grass")
"""Images without repeated objects: three drawn ones, and three photographs that come with scikit-image."""

FEW = 2.0
"""Objects that may be found in such an image."""


@dataclass(frozen=True)
class Set:
    """Images of one kind.

    Attributes:
        name: of the set.
        images: of any sizes.
        truths: about each image; empty if it is not known.
    """

    name: str
    images: Sequence[Image]
    truths: Sequence[Objects]


@experiments.register("real")
def real(settings: Settings) -> Report:
    """Find the objects of every set for every seed, and compare with the truth and with other methods."""
    seeds = settings.seeds_or(SEEDS)
    sets = [*([] if settings.data == "digits" else folder_sets(Path(settings.data))), *bundled_sets(settings.quick)]
    rows, checks, shown, covered = [], [], {}, []
    compared: tuple[list[Table], dict[str, Figure]] = [], {}
    for one in sets:
        known = one.truths and one.name != BEADS
        reports = [_found(settings, one, seed) for seed in (seeds if known else seeds[:1])]
        if known:
            covered += [inside for report in reports for inside in report.get("covered", [])]
        shown[one.name] = np.asarray(_picture(settings, one, seeds[0]))
        rows.append(_row(one, "**attend find**", reports))
        for name, method in methods(one).items():
            rows.append(_row(one, name, [_measured(one, method)]))
        if one.name == BEADS and one.truths:
            ours = [np.array(middles) for middles in reports[0]["middles"]]
            table, figure = disagreement(one.images, ours, [np.asarray(truth.points) for truth in one.truths])
            compared[0].append(table)
            compared[1][BEADS] = figure
        if target := TARGETS.get(one.name):
            score = min(value for report in reports if (value := _f1(report)) is not None)
            error = max(report["count_error"] for report in reports)
            checks.append(Check(f"{one.name}: F1, worst seed", score, target.f1))
            checks.append(Check(f"{one.name}: error of the count, worst seed", error, target.count_error, at_most=True))
    nothing = ("blank", "noise") if settings.quick else NOTHING
    few = {name: _found(settings, Set(name, [empty_image(name)], []), seeds[0])["found_objects"] for name in nothing}
    checks += [Check(f"{name}: objects", float(n), FEW, at_most=True) for name, n in few.items()]
    if covered:
        checks.append(Check("counts in their 90 % interval, all sets", float(np.mean(covered)), 0.8))
    tables = [
        Table("Sets", HEADINGS, rows),
        Table("Images without repeated objects", ("image", "objects"), [[k, str(n)] for k, n in few.items()]),
    ]
    return Report("Real images", seeds, tables + compared[0], _figures(shown) | compared[1], checks, NOTES)


HEADINGS = ("set", "images", "method", "F1", "worst", "error of the count", "mask AP", "interval covers", "seconds")


def _row(one: Set, method: str, reports: Sequence[dict[str, Any]]) -> list[str]:
    """The median of the seeds, and of F1 the worst as well."""
    scores = [value for report in reports if (value := _f1(report)) is not None]

    def median(key: str, form: str) -> str:
        values = [report[key] for report in reports if report.get(key) is not None]
        return format(float(np.median(values)), form) if values else ""

    return [
        one.name,
        str(len(one.images)),
        method,
        f"{np.median(scores):.3f}" if scores else "",
        f"{min(scores):.3f}" if scores else "",
        median("count_error", ".1%"),
        median("mask_ap", ".3f"),
        median("interval_coverage", ".0%"),
        median("seconds", ".0f"),
    ]


def _f1(report: dict[str, Any]) -> float | None:
    """F1 of boxes or, where the truth has none, of centres or, where it is counts alone, the share that is right."""
    known = (report.get(key) for key in ("box_f1", "point_f1", "count_accuracy"))
    return next((value for value in known if value is not None), None)


def _found(settings: Settings, one: Set, seed: int) -> dict[str, Any]:
    """The report of `attend find` on a set; one that is there already is taken."""
    path = settings.runs / f"{one.name}-{seed}.json"
    if not path.exists():
        started = time.perf_counter()
        scenes = find(list(one.images), rounds=settings.choose(2, 0), seed=seed)
        seconds = time.perf_counter() - started
        found = [of_scene(scene) for scene in scenes]
        report = _report(one, found) | {"seconds": seconds}
        if one.name == BEADS:
            report["middles"] = [np.asarray(objects.points).tolist() for objects in found]
        picture = overlay(Results(scenes[_shown(one)]), 0)
        with atomic_file(path.with_suffix(".png")) as file:
            picture.save(file, "PNG")
        with atomic_file(path) as file:
            file.write(json.dumps(report).encode())
    return json.loads(path.read_text())


def _shown(one: Set) -> int:
    """Which image of a set is shown: the one in the middle."""
    return len(one.images) // 2


def _picture(settings: Settings, one: Set, seed: int) -> Any:
    from PIL import Image

    return Image.open(settings.runs / f"{one.name}-{seed}.png").convert("RGB")


def _measured(one: Set, method: Callable[[Image], Objects]) -> dict[str, Any]:
    """The report of another method on a set."""
    started = time.perf_counter()
    found = [method(image) for image in one.images]
    return _report(one, found) | {"seconds": time.perf_counter() - started}


def _report(one: Set, found: Sequence[Objects]) -> dict[str, Any]:
    """What is found against the truth; without one, only how much is found."""
    if not one.truths:
        return {"found_objects": sum(objects.count for objects in found)}
    report = evaluate_images(zip(found, one.truths, strict=True), distance=DISTANCE.get(one.name, 5.0))
    pairs = [(a.interval, b.count) for a, b in zip(found, one.truths, strict=True) if a.interval is not None]
    return report | {"covered": [low <= count <= high for (low, high), count in pairs]}


def of_scene(scene: Scenes) -> Objects:
    """One scene as `evaluate_images` takes it."""
    boxes = scene.boxes[0, : scene.listed[0]].astype(float)
    low, high = scene.count_interval()[0].tolist()
    return Objects(int(scene.counts[0]), boxes, boxes[:, :2] + boxes[:, 2:] / 2, scene.labels(0), (low, high))


def bundled_sets(quick: bool = False) -> list[Set]:
    """Pictures that come with scikit-image: coins, whose boxes are known, galaxies and stained tissue.

    Raises:
        AttendError: scikit-image is not installed.
    """
    pictures = bundled_photographs()
    boxes = photograph(1).boxes
    coins = Set("coins", [pictures.coins()[..., None]], [Objects(len(boxes), boxes, None, None)])
    if quick:
        return [coins]
    others = {"galaxies": pictures.hubble_deep_field(), "ihc": pictures.immunohistochemistry()}
    return [coins, *(Set(name, [image], []) for name, image in others.items())]


def folder_sets(folder: Path) -> list[Set]:
    """Every folder in a folder that has `images/`, with the truth beside it if there is one.

    Raises:
        AttendError: there is none, or an image or the truth of one cannot be read.
    """
    places = sorted(path.parent for path in folder.glob("*/images") if path.is_dir())
    if not places:
        raise AttendError(f"data: {folder} has no folder with images/ in it; give the folder of the sets")
    return [folder_set(place) for place in places]


def folder_set(place: Path) -> Set:
    """The set in one folder."""
    paths = sorted((place / "images").iterdir())
    images = [_pixels(path) for path in paths]
    if place.name in COUNTS:
        truths = [Objects(COUNTS[place.name], None, None, None)] * len(images)
    elif (place / "truth.json").exists() or (place / "labels").exists():
        known = read_truth(place)
        every = [truth_of(path.name, known) for path in paths]
        kept = [number for number, truth in enumerate(every) if truth is not None]
        images = [images[number] for number in kept]
        truths = [Objects(t.count, t.boxes, t.points, t.labels()) for t in every if t is not None]
    elif place.name == BEADS and importlib.util.find_spec("trackpy"):
        truths = [with_trackpy(image) for image in images]
    else:
        truths = []
    return Set(place.name, images, truths)


def _pixels(path: Path) -> Image:
    return np.asarray(as_images([path], ground="dark")[0])


def empty_image(name: str) -> Image:
    """An image of `NOTHING`, grey."""
    side, rng = 256, np.random.default_rng(0)
    drawn = {
        "blank": np.full((side, side), 90.0),
        "noise": rng.normal(110, 20, (side, side)).clip(0, 255),
        "gradient": np.tile(np.linspace(20, 220, side), (side, 1)),
    }
    image = drawn[name] if name in drawn else getattr(bundled_photographs(), name)()
    return np.asarray(image).astype(np.uint8)[..., None]


def methods(one: Set) -> dict[str, Callable[[Image], Objects]]:
    """What people use without labels, by name; nothing where there is no truth."""
    if not one.truths:
        return {}
    return {"Otsu, watershed": with_otsu, "Laplacian of Gaussian": with_blobs}


def with_otsu(image: Image) -> Objects:
    """Otsu's threshold of the luminance, of bright or dark objects as the median pixel says, and a watershed of the
    distances: scikit-image's, after a Gaussian blur of one pixel, with markers at least 5 pixels apart."""
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian, threshold_otsu
    from skimage.measure import label
    from skimage.segmentation import watershed

    plane = gaussian(_bright(image), 1)
    mask = plane > threshold_otsu(plane)
    distance: Any = ndimage.distance_transform_edt(mask)
    markers = np.zeros(mask.shape, int)
    peaks = peak_local_max(gaussian(distance, 1), min_distance=5, labels=label(mask))
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, markers, mask=mask).astype(np.int32)
    boxes = boxes_of(labels)
    return Objects(len(boxes), boxes, boxes[:, :2] + boxes[:, 2:] / 2, labels)


def with_blobs(image: Image) -> Objects:
    """Blobs of the Laplacian of Gaussian, with scikit-image's own defaults (radii to 71 pixels)."""
    from skimage.feature import blob_log

    rows, columns, sd = blob_log(_bright(image)).T
    middles, radii = np.stack([columns, rows], axis=1) + 0.5, np.sqrt(2) * sd[:, None]
    boxes = np.concatenate([middles - radii, 2 * radii.repeat(2, axis=1)], axis=1)
    return Objects(len(boxes), boxes, middles, None)


def _bright(image: Image) -> np.ndarray:
    """Luminance in [0, 1], or the one channel that holds something, inverted if most of the image is light."""
    plane = foregrounds["bright"](without_dark_channels(image) / 255)
    return plane if np.median(plane) < 0.5 else 1 - plane


def _figures(shown: dict[str, np.ndarray]) -> dict[str, Figure]:
    """What is found in the middle image of every set, some sets a figure."""
    names, each = list(shown), 6
    figures = {}
    for first in range(0, len(names), each):
        some = names[first : first + each]
        figure = Figure(figsize=(6, 2.2 * -(-len(some) // 3)), layout="constrained")
        grid = figure.subplots(-(-len(some) // 3), 3, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, name in zip(grid, some, strict=False):
            show_image(axes, shown[name].astype(np.float32) / 255)
            axes.set_title(name, fontsize=7)
        figures[f"found-{first // each + 1}"] = figure
    return figures


NOTES = (
    "F1 is that of boxes at an IoU of 0.5 where the truth is outlines or boxes, and that of centres where it is "
    "points (within 5 pixels; 12 for marrow). Where the truth is counts alone, it is the share of images whose count "
    "is exactly right. Mask AP is averaged over IoUs of 0.5 to 0.95. The median over the seeds is given, and of F1 "
    "the worst as well. Sets whose truth is not known are looked at for the first seed only.",
    "`attend find` was given no setting. Otsu's threshold is that of scikit-image on the brightness, of dark objects "
    "where the median pixel is light, followed by a watershed of the distances with markers at least 5 pixels apart. "
    "The Laplacian of Gaussian has scikit-image's defaults. On beads the truth is what trackpy finds at the settings "
    "of its tutorial (diameter 11, inverted, minmass 20), if trackpy is installed. Of beads nearer to each other than "
    "12 pixels it reports one; crowded in the table are those that are so near to one that the other method finds. How "
    "dark a bead is, is told from the pixels within 3 of its middle and from those around it, 6 to 8 away.",
    "Published figures for networks trained with labels: StarDist reaches an AP of 0.86 at IoU 0.5 on fluorescence "
    "images of the kind of the nuclei sets, that is an F1 of 0.93 (Schmidt et al. 2018).",
    "The target of the interval is 80 to 97 %. Seconds are those of one seed from images to results, beside whatever "
    "else the machine did; the time taken, above, is without the seeds that had been looked at before.",
)
