"""Objects as `supervision.Detections`, for its annotators, trackers and metrics."""

from typing import TYPE_CHECKING

import numpy as np

from attend.errors import AttendError
from attend.exports.results import Results

if TYPE_CHECKING:
    from supervision import Detections


def detections(results: Results, row: int) -> "Detections":
    """The objects of one image; it needs supervision.

    Their boxes in pixels of the picture in the file, their presence as confidence, the class 0 or their cluster, and
    their masks, where these are known, at the size of the picture.

    Raises:
        AttendError: supervision is not installed.
    """
    try:
        from supervision import Detections
    except ImportError as error:
        raise AttendError("to_supervision: needs supervision; pip install 'attend[supervision]'") from error

    objects = list(results.objects(row))
    boxes = np.array([found.box for found in objects], np.float64).reshape(-1, 4)
    masks = None
    if results.scenes.masks is not None:
        width, height = results.size(row)
        masks = np.zeros((len(objects), height, width), bool)
        for found, whole in zip(objects, masks, strict=True):
            (x, y), mask = results.mask(found)
            whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    return Detections(
        xyxy=np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1),
        mask=masks,
        confidence=np.array([found.presence for found in objects], np.float64),
        class_id=np.array([found.cluster or 0 for found in objects], int),
    )
