"""What every composer of scenes needs: checked settings, and boxes around what can be seen."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int64

from attend.errors import AttendError


def check_layout(
    *, n: int, seed: int | Sequence[int], canvas: int, counts: Sequence[int], size: tuple[int, int], rows: int
) -> None:
    """Refuse settings that no scene can meet.

    Args:
        n: how many scenes.
        seed: one whole number or several.
        canvas: width and height of a scene in pixels.
        counts: the numbers of objects to draw from.
        size: smallest and largest object in pixels.
        rows: objects that the arrays have room for.

    Raises:
        AttendError: a setting is impossible; the line names it.
    """
    if n < 1:
        raise AttendError(f"n: {n} scenes were asked for; it must be 1 or more")
    if np.min(seed) < 0:
        raise AttendError(f"seed: {seed} is negative; it must be 0 or more")
    if not 1 <= size[0] <= size[1] <= canvas:
        raise AttendError(f"size: {size} on a canvas of {canvas}; it must be 1 <= smallest <= largest <= canvas")
    if not len(counts) or min(counts) < 0:
        raise AttendError(f"counts: {tuple(counts)}; there must be at least one, each 0 or more")
    if rows < max(counts):
        raise AttendError(
            f"max_objects: {rows} rows cannot hold {max(counts)} objects; it must be {max(counts)} or more"
        )


def tight_boxes(visible: Bool[np.ndarray, "object height width"]) -> Int64[np.ndarray, "object 4"]:
    """x0, y0, width, height in pixels around the visible pixels of each object, of which there must be one."""
    columns, rows = visible.any(axis=1), visible.any(axis=2)
    x0, y0 = columns.argmax(axis=1), rows.argmax(axis=1)
    x1 = visible.shape[2] - np.fliplr(columns).argmax(axis=1)
    y1 = visible.shape[1] - np.fliplr(rows).argmax(axis=1)
    return np.stack([x0, y0, x1 - x0, y1 - y0], axis=1)
