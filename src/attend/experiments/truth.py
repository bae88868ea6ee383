"""What is in scenes, where it must be known."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from attend.data import SceneData
from attend.errors import AttendError


class Truth(NamedTuple):
    """Counts, boxes (x0, y0, width, height in pixels) and classes of the objects; unused rows are zero and -1."""

    counts: Int[np.ndarray, " n"]
    boxes: Float[np.ndarray, "n objects 4"]
    labels: Int[np.ndarray, "n objects"]


def truth_of(data: SceneData) -> Truth:
    """All that is known of the scenes; AttendError when something is not."""
    if data.counts is None or data.boxes is None or data.labels is None:
        raise AttendError("data: counts, boxes or labels are missing; an experiment needs all of them")
    return Truth(data.counts, data.boxes, data.labels)


def counts_of(data: SceneData) -> Int[np.ndarray, " n"]:
    """The true counts; AttendError when they are not known."""
    if data.counts is None:
        raise AttendError("data: counts are missing; an experiment needs them (omniglot: the zips of strokes)")
    return data.counts
