"""How well `attend find` finds the objects in real images whose truth is known, beside what people use without labels.

uv run python benchmarks/real.py FOLDER...

Each FOLDER has `images/` and beside it `truth.json` or `labels/`, as `attend evaluate` takes it. The method beside it
is scikit-image's: Otsu's threshold of the luminance, of bright or dark objects as the median pixel says, then a
watershed of the distances.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from common import print_table, seconds
from skimage import data as pictures
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from attend import find
from attend.cli.truth import objects_of
from attend.data import as_images, read_truth, truth_of
from attend.data.truth import boxes_of
from attend.evaluation import Objects, evaluate_images
from attend.exports import Results
from attend.finding import foregrounds

DISTANCE = {"cells-simulated": 5.0, "marrow": 12.0}
"""Pixels within which a centre must be found, where the truth is points."""


def main(
    folders: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    seeds: tuple[int, ...] = (0,),
    rounds: int = 2,
    quick: bool = False,
) -> None:
    """Print a table with a row for each folder, method and seed.

    Args:
        folders: of images with their truth; scikit-image's coins if there are none.
        seeds: of the noise of learning.
        rounds: of learning.
        quick: learn nothing, and look at scikit-image's coins only.
    """
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        places = list(folders) or [coins(Path(temporary))]
        for place in places:
            known = read_truth(place)
            images = [path for path in sorted((place / "images").iterdir()) if truth_of(path.name, known)]
            truths = [known_objects(truth_of(path.name, known)) for path in images]
            distance = DISTANCE.get(place.name, 5.0)
            for seed in seeds:
                scenes: list[Any] = []
                took = seconds(lambda: scenes.extend(find(images, rounds=0 if quick else rounds, seed=seed)))  # noqa: B023
                found = [objects_of(Results(scene), 0, labels=True) for scene in scenes]
                rows.append(row(place.name, f"attend find, seed {seed}", found, truths, distance, took))
            found = []
            took = seconds(lambda: found.extend(otsu(path) for path in images))  # noqa: B023
            rows.append(row(place.name, "Otsu, watershed", found, truths, distance, took))
    headings = ("set", "method", "F1", "count error", "mask AP 0.5:0.95", "90 % interval covers", "seconds")
    print_table(headings, rows, [f"{rounds} rounds of learning; F1 of boxes at IoU 0.5, or of centres"])


def coins(folder: Path) -> Path:
    """scikit-image's picture of 24 coins, whose truth here is their number alone."""
    from PIL import Image

    (folder / "coins" / "images").mkdir(parents=True)
    Image.fromarray(pictures.coins()).save(folder / "coins" / "images" / "coins.png")
    (folder / "coins" / "truth.json").write_text('{"coins.png": {"count": 24}}')
    return folder / "coins"


def known_objects(truth: Any) -> Objects:
    """The truth about an image as `evaluate_images` takes it."""
    return Objects(truth.count, truth.boxes, truth.points, truth.labels())


def otsu(path: Path) -> Objects:
    """What Otsu's threshold and a watershed of the distances find: scikit-image's, with its defaults."""
    from scipy import ndimage

    image = as_images([path])[0]
    image = image / np.float32(255) if image.dtype == np.uint8 else image
    plane = gaussian(foregrounds["bright" if np.median(image) < 0.5 else "dark"](image), 1)
    mask = plane > threshold_otsu(plane)
    distance: Any = ndimage.distance_transform_edt(mask)
    markers = np.zeros(mask.shape, int)
    peaks = peak_local_max(gaussian(distance, 1), min_distance=5, labels=label(mask))
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, markers, mask=mask).astype(np.int32)
    found = boxes_of(labels)
    return Objects(len(found), found, found[:, :2] + found[:, 2:] / 2, labels)


def row(name: str, method: str, found: list[Objects], truths: list[Objects], distance: float, took: float) -> list[str]:
    """One line of the table."""
    report = evaluate_images(zip(found, truths, strict=True), distance=distance)
    f1 = report["box_f1"] if report["box_f1"] is not None else report["point_f1"]
    return [
        name,
        method,
        "" if f1 is None else f"{f1:.3f}",
        f"{report['count_error']:.1%}",
        "" if report["mask_ap"] is None else f"{report['mask_ap']:.3f}",
        "" if report["interval_coverage"] is None else f"{report['interval_coverage']:.0%}",
        f"{took:.0f}",
    ]


if __name__ == "__main__":
    tyro.cli(main)
