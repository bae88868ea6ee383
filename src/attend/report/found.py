"""The page on what `attend find` has found: overlays, what is doubtful, sizes, and how it was told."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from attend.figures import histogram_figure, varied_rows
from attend.files import atomic_file
from attend.report.html import Html, captioned, document, numbers, settings, tag
from attend.report.pictures import chart, picture

SHOWN, DOUBTFUL, HYPOTHESES = 8, 4, 6
"""Overlays of images of many counts, of those whose count is least certain, and rows of the table of hypotheses."""

WIDE = 800
"""Pixels along the longer side of an overlay in the page."""

ALIKE = {"lit": "share of bright pixels", "deviation": "standard deviation", "sharpness": "difference of neighbours"}
"""What the statistics of the survey are called."""


def write_found_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    survey: Mapping[str, Any],
    counts: Sequence[Mapping[str, str]],
    objects: Mapping[str, Float[np.ndarray, " n"]],
    overlays: Sequence[Path],
    likeness: Path | None,
) -> None:
    """Write the page as one HTML file that loads nothing from elsewhere, whole or not at all.

    Args:
        path: of the file.
        title: of the page.
        survey: `kind`, `hypotheses`, `rounds`, `likeness` and `asked`, as `attend find` writes them.
        counts: of each image `image`, `count`, `count_low` and `count_high`.
        objects: `equivalent_diameter_area` and `presence` of every object.
        overlays: a picture for each image.
        likeness: a picture of parts of the images beside composed scenes.

    Raises:
        AttendError: the file cannot be written.
    """
    found, diameters = np.array([int(row["count"]) for row in counts]), objects["equivalent_diameter_area"]
    measured = {"objects": f"{found.sum():,}", "images": f"{len(found):,}", "objects per image": f"{found.mean():.1f}"}
    if len(diameters):
        measured["median diameter in pixels"] = f"{np.nanmedian(diameters):.1f}"
    low, high = (np.array([int(row[name]) for row in counts]) for name in ("count_low", "count_high"))
    doubt = (high - low) / np.maximum(found, 1)
    least_sure = np.argsort(-doubt, kind="stable")[:DOUBTFUL].tolist()
    page = document(
        title,
        tag("h1", title),
        tag("p", "Found without a label. Of every count the 90 % interval is given."),
        numbers(measured),
        *_overlays("What was found", varied_rows(found, SHOWN), counts, overlays),
        *_overlays("The counts it is least sure of", least_sure if len(found) > SHOWN else [], counts, overlays),
        *_objects(objects),
        *_kind(survey),
        *_dreams(survey, likeness),
        tag("h2", "Settings"),
        settings(survey["asked"]),
    )
    with atomic_file(path) as file:
        file.write(page.encode(errors="replace"))


def _overlays(
    title: str, rows: Sequence[int], counts: Sequence[Mapping[str, str]], files: Sequence[Path]
) -> Iterator[Html]:
    if len(rows):
        yield tag("h2", title)
        shown = []
        for row in rows:
            said = "{image}: {count} objects ({count_low} to {count_high})".format(**counts[row])
            with Image.open(files[row]) as image:
                pixels = np.asarray(image.convert("RGB"))
            shown.append(captioned(picture(pixels, said, largest=WIDE), said))
        yield tag("div", *shown, class_="pairs")


def _objects(objects: Mapping[str, np.ndarray]) -> Iterator[Html]:
    known = {
        "diameter in pixels": objects["equivalent_diameter_area"],
        "probability that it is there": objects["presence"],
    }
    known = {name: values[np.isfinite(values)] for name, values in known.items()}
    if all(len(values) for values in known.values()):
        yield tag("h2", "Sizes, and how sure it is")
        yield tag(
            "div", *(chart(histogram_figure(name, every), name) for name, every in known.items()), class_="charts"
        )


def _kind(survey: Mapping[str, Any]) -> Iterator[Html]:
    yield tag("h2", "What the images were taken for")
    yield tag(
        "p",
        "Every foreground and size of object was tried. The first row is the one that was taken. It explains the "
        "pixels best or, of those that explain them nearly as well, with it most objects are found again when the "
        "images are a little smaller or larger.",
    )
    head = ("foreground", "diameter in pixels", "evidence in nats per pixel", "objects seen", "found again")
    rows = [
        (
            one["kind"]["foreground"],
            f"{one['kind']['diameter']:.1f}",
            f"{one['gain']:.4f}",
            f"{one['objects']:,}",
            f"{again['share']:.0%}" if (again := one.get("steadiness")) else "",
        )
        for one in survey["hypotheses"][:HYPOTHESES]
    ]
    yield _table(head, rows)


def _dreams(survey: Mapping[str, Any], likeness: Path | None) -> Iterator[Html]:
    if likeness is None or not survey.get("likeness"):
        return
    yield tag("h2", "What it learned from")
    yield tag("p", "Scenes composed of cut-outs of the images. The more they look like the images, the better.")
    with Image.open(likeness) as image:
        yield picture(np.asarray(image.convert("RGB")), "parts of the images beside composed scenes", largest=1200)
    rows = [(ALIKE[name], f"{image:.3f}", f"{dream:.3f}") for name, (image, dream) in survey["likeness"].items()]
    yield _table(("statistic", "images", "composed scenes"), rows)
    head = ("round of learning", "objects found before it", "cut out")
    rounds = [(str(k), str(one["objects"]), str(one["cutouts"])) for k, one in enumerate(survey["rounds"], 1)]
    if rounds:
        yield _table(head, rounds)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("table", tag("thead", tag("tr", *(tag("th", name) for name in head))), tag("tbody", *body))
