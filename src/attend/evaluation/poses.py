"""Do objects on a table stand where they should, turned as they should, and are they what they should be?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment


class PoseErrors(NamedTuple):
    """One entry for each true object that was matched; `yaw` only of those that a turn changes."""

    identity: Bool[np.ndarray, " pairs"]
    """Whether its kind is right."""
    position: Float[np.ndarray, " pairs"]
    """Distance in metres."""
    yaw: Float[np.ndarray, " turnable"]
    """Smallest turn, in radians, that carries the object into one that looks like the true one."""
    turnable: Int[np.ndarray, " turnable"]
    """The true kinds of those."""


def pose_errors(
    where: Float[np.ndarray, "n predicted 3"],
    kinds: Int[np.ndarray, "n predicted"],
    counts: Int[np.ndarray, " n"],
    true_poses: Float[np.ndarray, "n objects 3"],
    true_kinds: Int[np.ndarray, "n objects"],
    folds: Sequence[int],
) -> PoseErrors:
    """Match objects one to one so that the summed distance is least, and compare each pair.

    Args:
        where: x and y in metres and yaw in radians.
        kinds: of the same objects, whole numbers from 0.
        counts: how many rows of each scene are objects.
        true_poses: as `where`.
        true_kinds: -1 in unused rows.
        folds: of each kind, how many turns in a full one leave it as it is (a cube: 4); 0 for any turn (a sphere).
    """
    identity, position, yaw, turnable = [], [], [], []
    for row, count in enumerate(counts):
        used = true_kinds[row] >= 0
        poses, truth = true_poses[row][used], true_kinds[row][used]
        gap = np.linalg.norm(where[row, :count, None, :2] - poses[None, :, :2], axis=-1)
        for i, j in zip(*linear_sum_assignment(gap), strict=True):
            kind = truth[j]
            identity.append(kinds[row, i] == kind)
            position.append(gap[i, j])
            if folds[kind]:
                period = 2 * np.pi / folds[kind]
                away = where[row, i, 2] - poses[j, 2]
                yaw.append(abs((away + period / 2) % period - period / 2))
                turnable.append(kind)
    return PoseErrors(
        np.array(identity, bool), np.array(position, float), np.array(yaw, float), np.array(turnable, int)
    )
