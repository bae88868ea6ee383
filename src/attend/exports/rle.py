"""Masks as run lengths, as COCO's JSON has them (Lin et al. 2014, and `maskApi.c` of its tools)."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int


def run_lengths(
    mask: Bool[np.ndarray, "h w"], corner: tuple[int, int], size: tuple[int, int]
) -> Int[np.ndarray, " runs"]:
    """How many pixels are out, in, out, ... of a mask in turn, down one column of the image after another.

    Args:
        mask: a crop of the image, outside which no pixel is in.
        corner: the (column, row) of its first pixel.
        size: height and width of the image.
    """
    height, width = size
    (x, y), columns = corner, mask.T
    changes = np.diff(np.pad(columns, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    starts, ends = (
        ((x + np.nonzero(changes == sign)[0]) * height + y + np.nonzero(changes == sign)[1]) for sign in (1, -1)
    )
    apart = ends[:-1] != starts[1:]  # a run that fills a column to its end may go on in the next one
    starts, ends = starts[np.append(True, apart)[: len(starts)]], ends[np.append(apart, True)[: len(ends)]]
    edges = np.stack([starts, ends], axis=1).ravel()
    return np.diff(np.concatenate([[0], edges, [height * width]]))


def segmentation(mask: Bool[np.ndarray, "h w"], corner: tuple[int, int], size: tuple[int, int]) -> dict[str, Any]:
    """A mask as COCO's compressed run lengths; arguments as of `run_lengths`."""
    return {"size": list(size), "counts": compressed(run_lengths(mask, corner, size))}


def compressed(runs: Int[np.ndarray, " runs"]) -> str:
    """Run lengths as text: from the fourth on less the one before the last, in groups of five bits, lowest first."""
    numbers = runs.tolist()
    text = []
    for index, number in enumerate(numbers):
        left = number - numbers[index - 2] if index > 2 else number
        more = True
        while more:
            group = left & 31
            left >>= 5
            more = left != (-1 if group & 16 else 0)
            text.append(chr((group | 32 if more else group) + 48))
    return "".join(text)
