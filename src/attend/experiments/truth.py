"""What is in scenes, where it must be known."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from attend.data import SceneData
from attend.errors import AttendError


class Truth(NamedTuple):
    """Counts, boxes (x0, y0, width, height in pixels) and classes of the objects; unused rows are zero and -1."""

    counts: Int[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n objects 4"]
    labels: Int[np.ndarray, "n objects"]


class TableTruth(NamedTuple):
    """Counts, poses (x and y in metres, yaw in radians) and kinds; unused rows are zero and -1."""

    counts: Int[np.ndarray, " n"]
    poses: Float[np.ndarray, "n objects 3"]
    labels: Int[np.ndarray, "n objects"]


def truth_of(data: SceneData) -> Truth:
    """All that is known of the scenes; AttendError when something is not."""
    return Truth(*_known(data, Truth._fields))


def table_truth_of(data: SceneData) -> TableTruth:
    """All that is known of scenes of a table; AttendError when something is not."""
    return TableTruth(*_known(data, TableTruth._fields))


def counts_of(data: SceneData) -> Int[np.ndarray, " n"]:
    """The true counts; AttendError when they are not known."""
    if data.counts is None:
        raise AttendError("data: counts are missing; an experiment needs them (omniglot: the zips of strokes)")
    return data.counts


def _known(data: SceneData, names: tuple[str, ...]) -> list[Any]:
    fields = [getattr(data, name) for name in names]
    if any(field is None for field in fields):
        *first, last = names
        raise AttendError(f"data: {', '.join(first)} or {last} are missing; an experiment needs all of them")
    return fields
