"""What the experiments on a table share: what is true of a scene, and the renderer that drew it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from attend.data import SceneData
from attend.errors import AttendError
from attend.p import Generative, TableRenderer


class TableTruth(NamedTuple):
    """Counts, poses (x and y in metres, yaw in radians) and kinds; unused rows are zero and -1."""

    counts: Int[np.ndarray, " n"]
    poses: Float[np.ndarray, "n objects 3"]
    labels: Int[np.ndarray, "n objects"]


def table_truth_of(data: SceneData) -> TableTruth:
    """All that is known of scenes of a table; AttendError when something is not."""
    if data.counts is None or data.poses is None or data.labels is None:
        raise AttendError("data: counts, poses or labels are missing; an experiment needs all of them")
    return TableTruth(data.counts, data.poses, data.labels)


def table_of(p: Generative) -> TableRenderer:
    """p's renderer, which is that of a table."""
    if not isinstance(p.renderer, TableRenderer):
        raise AttendError(f"renderer: is {type(p.renderer).__name__}; this experiment needs a TableRenderer")
    return p.renderer
