"""Photographs that come with scikit-image, and pieces of them to stand behind digits."""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from attend.data.splits import SPLITS, Split
from attend.errors import AttendError

SCENERY = ("astronaut", "chelsea", "coffee", "rocket")
"""Coloured photographs of which pieces are cut."""

SHARES = (0.0, 0.6, 0.75, 1.0)
"""Where along their width the parts of the three splits begin and end."""


def bundled_photographs() -> Any:
    """The module of scikit-image that has them.

    Raises:
        AttendError: it is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise AttendError("photographs: come with scikit-image; pip install scikit-image") from error
    return data


def scenery(split: Split, *, n: int, side: int, seed: int) -> UInt8[np.ndarray, "n side side 3"]:
    """Square pieces of photographs; no two splits share a pixel.

    Each is a random part of a random photograph, as wide as `side` or up to twice that and then shrunk, and one half of
    them are mirrored.

    Args:
        split: its pieces are from a part of each photograph of its own.
        n: how many.
        side: width and height in pixels.
        seed: whole number.

    Raises:
        AttendError: scikit-image is not installed, or the pieces would be larger than the photographs.
    """
    from PIL import Image

    at = SPLITS.index(split)
    parts = []
    for name in SCENERY:
        whole = getattr(bundled_photographs(), name)()
        first, last = (int(share * whole.shape[1]) for share in SHARES[at : at + 2])
        parts.append(whole[:, first:last])
    most = min(min(part.shape[:2]) for part in parts)
    if side > most:
        raise AttendError(f"canvas: is {side}; pieces of photographs for {split} can have {most} pixels at most")
    rng = np.random.default_rng((seed, at))
    pieces = np.empty((n, side, side, 3), np.uint8)
    for piece in pieces:
        part = parts[rng.integers(len(parts))]
        wide = int(rng.integers(side, min(2 * side, most) + 1))
        y, x = (int(rng.integers(length - wide + 1)) for length in part.shape[:2])
        cut = Image.fromarray(part[y : y + wide, x : x + wide]).resize((side, side), Image.Resampling.BOX)
        piece[:] = np.asarray(cut)[:, :: rng.choice([-1, 1])]
    return pieces
