"""What the page shows, from top to bottom."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from attend.evaluation import count_confusion, count_reliability
from attend.exports import Results, crop
from attend.figures import counts_figure, curves_figure, reliability_figure, varied_rows
from attend.files import atomic_file
from attend.report import html
from attend.report.html import Html, captioned, document, numbers, tag
from attend.report.pictures import chart, picture

TILES, PAIRS, WORST, OBJECTS = 12, 8, 12, 60
"""How many images of each kind the page shows at most."""

RIGHT, WRONG = "74, 111, 165", "224, 96, 60"
"""Colours of the confusion's cells, in RGB."""


@dataclass(frozen=True)
class Findings:
    """What a model found in the images of one source.

    Attributes:
        source: what the user calls it.
        results: what was found.
        numbers: measurements to show, by what they are called.
        counts: true counts, if they are known.
        boxes: true boxes in pixels, unused rows zero, if they are known.
    """

    source: str
    results: Results
    numbers: Mapping[str, str]
    counts: Int[np.ndarray, " batch"] | None = None
    boxes: Float[np.ndarray, "batch objects 4"] | None = None

    def found(self, row: int) -> str:
        """The count of an image in words."""
        scenes = self.results.scenes
        said = f"found {scenes.counts[row]} ({scenes.count_probs[row].max():.1%} sure)"
        return said if self.counts is None else f"{said}, true {self.counts[row]}"

    def picture(self, row: int, *, truth: bool = False) -> Html:
        """An image with the boxes of its objects, and the true ones if `truth`."""
        scenes = self.results.scenes
        true_boxes = self.boxes[row] if truth and self.boxes is not None else np.zeros((0, 4))
        return picture(
            self.results.picture(row),
            f"{self.results.name(row)}: {self.found(row)}",
            scenes.boxes[row, : scenes.listed[row]],
            true_boxes[true_boxes[:, 2] > 0],
        )


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    summary: str,
    settings: Mapping[str, Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    samples: tuple[Float[np.ndarray, "n height width channel"], Int[np.ndarray, " n"]],
    count_prior: Float[np.ndarray, " counts"],
    findings: Sequence[Findings],
) -> None:
    """Write the page as one HTML file that loads nothing from elsewhere, whole or not at all.

    Args:
        path: of the file.
        title: of the page.
        summary: a sentence on the model.
        settings: by section and name.
        metrics: rows of the training, as `RunFolder.metrics` gives them; may be empty.
        samples: images drawn from the model, in [0, 1], and their counts.
        count_prior: p(n) for n = 0..N.
        findings: what the model found, a source each; may be empty.

    Raises:
        AttendError: the file cannot be written.
    """
    parts = [tag("h1", title), tag("p", summary), *_training(metrics), *_samples(*samples, findings)]
    for each in findings:
        parts += [*_source(each), *_counts(each, count_prior), *_errors(each), *_objects(each.results)]
    page = document(title, *parts, *_settings(settings))
    with atomic_file(path) as file:
        file.write(page.encode(errors="replace"))


def _training(metrics: Sequence[Mapping[str, Any]]) -> Iterator[Html]:
    names = {"elbo": "ELBO by training step", "count_accuracy": "count accuracy by training step"}
    measured = [key for key in names if any(row.get(key) is not None for row in metrics)]
    if measured:
        yield tag("h2", "How it learned")
        yield tag("p", "The ELBO is what training raises. The share of validation images counted right only measures.")
        yield tag("div", *(chart(curves_figure(metrics, [key]), names[key]) for key in measured), class_="charts")


def _samples(images: np.ndarray, counts: np.ndarray, findings: Sequence[Findings]) -> Iterator[Html]:
    yield tag("h2", "What it invents")
    yield tag("p", "Scenes drawn from the model: how many objects, where, and what they look like.")
    pixels = np.round(255 * images[:TILES]).astype(np.uint8)
    drawn = ((picture(scene, "a drawn scene"), str(count)) for scene, count in zip(pixels, counts, strict=False))
    sides = [tag("div", tag("h3", "Drawn from the model"), _tiles(drawn))]
    for each in findings:
        known, what = (each.results.scenes.counts, "found") if each.counts is None else (each.counts, "true")
        rows = range(min(TILES, len(known)))
        shown = ((picture(each.results.picture(row), each.results.name(row)), str(known[row])) for row in rows)
        sides.append(tag("div", tag("h3", f"{each.source}, with {what} counts"), _tiles(shown)))
    yield tag("div", *sides, class_="sides")


def _source(findings: Findings) -> Iterator[Html]:
    results = findings.results
    scenes = results.scenes
    yield tag("h2", f"What it finds in {findings.source}")
    skipped = f" {results.skipped:,} files could not be read." if results.skipped else ""
    yield tag("p", f"{scenes.counts.sum():,} objects in {len(scenes):,} images.{skipped}")
    yield numbers(findings.numbers)
    yield tag("h3", "Images, and the model's reconstructions of them")
    yield tag("div", *(_pair(findings, row) for row in varied_rows(scenes.counts, PAIRS)), class_="pairs")


def _pair(findings: Findings, row: int) -> Html:
    """An image beside its reconstruction."""
    results = findings.results
    painted = np.round(255 * results.scenes.reconstructions[row].clip(0, 1)).astype(np.uint8)
    painted = picture(255 - painted if results.inverted else painted, "its reconstruction")
    return captioned(tag("div", findings.picture(row), painted, class_="pictures"), _named(findings, row))


def _counts(findings: Findings, count_prior: np.ndarray) -> Iterator[Html]:
    scenes, true = findings.results.scenes, findings.counts
    largest = int(max(len(count_prior) - 1, 0 if true is None else true.max()))
    shares = {"p(n)": np.pad(count_prior, (0, largest + 1 - len(count_prior)))}
    shares |= {"found": _shares(scenes.counts, largest)}
    shares |= {} if true is None else {"true": _shares(true, largest)}
    charts = [chart(counts_figure(shares), "share of images by number of objects")]
    if true is not None:
        reliability = reliability_figure(*count_reliability(scenes.count_probs, true))
        charts.append(chart(reliability, "share of right counts by the probability that they claim"))
    yield tag("h3", "Counts")
    yield tag("p", "p(n) is how many objects the model expects before it sees an image.")
    yield tag("div", *charts, class_="charts")


def _errors(findings: Findings) -> Iterator[Html]:
    scenes, true = findings.results.scenes, findings.counts
    sure = scenes.count_probs.max(axis=1)
    if true is None:
        yield tag("h3", "The images it is least sure of")
        rows = np.argsort(sure, kind="stable")[:WORST]
    else:
        yield tag("h3", "Images by true count (rows) and found count (columns)")
        yield _confusion(count_confusion(scenes.counts, true))
        wrong = np.flatnonzero(scenes.counts != true)
        rows = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
        yield tag("h3", f"Wrong counts, the surest first: {len(rows)} of {len(wrong):,}")
        if not len(rows):
            yield tag("p", "Every count is right.")
        elif findings.boxes is not None:
            yield tag("p", "True boxes are dashed.")
    yield _tiles((findings.picture(row, truth=True), _named(findings, row)) for row in rows.tolist())


def _objects(results: Results) -> Iterator[Html]:
    rows, indices = np.nonzero(results.scenes.exists)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(OBJECTS, len(rows))).round().astype(int))
    cut = [crop(results, int(rows[at]), int(indices[at])) for at in chosen]
    yield tag("h3", "Objects, cut out of the images")
    yield tag("div", *(picture(pixels, "an object") for pixels in cut if pixels is not None), class_="objects")


def _settings(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[Html]:
    yield tag("h2", "Settings")
    for section, values in settings.items():
        yield tag("h3", section)
        yield html.settings(values)


def _confusion(confusion: list[list[int]]) -> Html:
    columns = range(len(confusion))
    rows = []
    for true, row in enumerate(confusion):
        shares = [cell / max(sum(row), 1) for cell in row]
        shades = [_shade(share, RIGHT if true == found else WRONG) for found, share in enumerate(shares)]
        cells = (tag("td", f"{cell:,}", style=shade) for cell, shade in zip(row, shades, strict=True))
        rows.append(tag("tr", tag("th", str(true)), *cells))
    head = tag("thead", tag("tr", tag("th", ""), *(tag("th", str(found)) for found in columns)))
    return tag("table", head, tag("tbody", *rows))


def _shade(share: float, colour: str) -> str:
    return f"background: rgba({colour}, {0.45 * share**0.5:.2f})"


def _shares(counts: np.ndarray, largest: int) -> np.ndarray:
    return np.bincount(counts, minlength=largest + 1) / len(counts)


def _named(findings: Findings, row: int) -> str:
    return f"{findings.results.name(row)}: {findings.found(row)}"


def _tiles(tiles: Iterator[tuple[Html, str]]) -> Html:
    return tag("div", *(captioned(shown, caption) for shown, caption in tiles), class_="tiles")
