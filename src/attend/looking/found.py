"""What `find_into` has written to a folder, read back."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from attend.errors import AttendError
from attend.exports.results import unique_stems

TABLES = {
    "counts": "counts.csv",
    "measurements": "objects.csv",
    "coco": "objects.json",
    "labels": "labels",
    "overlays": "overlays",
}
"""What is written: formats of `attend.exports`, and the file or folder of each."""

SURVEY = "survey.json"
"""The file that tells what kind of images they are taken for, and what else was tried."""

LIKENESS = "dreams.png"
"""The picture of parts of the images beside scenes that were composed to learn from."""


@dataclass(frozen=True)
class Found:
    """What was found in a folder of images.

    Attributes:
        survey: what kind of images they are, and how that was told.
        counts: the rows of `counts.csv`.
        objects: the numbers of all objects by the name of their column in `objects.csv`; NaN where there is none.
        overlays: the picture of each image.
        likeness: parts of the images beside composed scenes, if there were any.
    """

    survey: Mapping[str, Any]
    counts: Sequence[Mapping[str, str]]
    objects: Mapping[str, Float[np.ndarray, " n"]]
    overlays: Sequence[Path]
    likeness: Path | None


COLUMNS = ("equivalent_diameter_area", "presence")
"""Of the objects, that are read."""


def read_found(folder: str | os.PathLike[str]) -> Found:
    """Read the folder of `find_into`.

    Raises:
        AttendError: a file is missing or damaged, as it is after an interruption.
    """
    folder = Path(folder)
    try:
        survey = json.loads((folder / SURVEY).read_text())
        if missing := {"kind", "hypotheses", "rounds", "asked"} - survey.keys():
            raise KeyError(*missing)
        counts = _rows(folder / TABLES["counts"])
        rows = _rows(folder / TABLES["measurements"])
        objects = {name: np.array([float(row[name] or "nan") for row in rows]) for name in COLUMNS}
        overlays = [
            folder / TABLES["overlays"] / f"{stem}.png" for stem in unique_stems(row["image"] for row in counts)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AttendError(
            f"{folder}: is not the whole result of attend find ({error}); continue it with --resume"
        ) from error
    likeness = folder / LIKENESS
    return Found(survey, counts, objects, overlays, likeness if likeness.exists() else None)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
