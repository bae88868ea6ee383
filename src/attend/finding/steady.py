"""Whether what is found is steady: the same objects however large they seem."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attend.ahead import ahead, cores
from attend.evaluation import Hits, label_iou, mask_hits
from attend.field import FieldNetwork, instances, look
from attend.finding.kind import Image, Kind
from attend.finding.suited import LEAST
from attend.finding.views import natural

ZOOMS = 0.84, 1.19
"""The same is to be found when an image is so many times as large."""


@dataclass(frozen=True)
class Steadiness:
    """The share of its objects that q finds again when they seem smaller or larger, and its standard error."""

    share: float
    error: float


def steadiness(network: FieldNetwork, parts: Sequence[Image], kind: Kind) -> Steadiness:
    """Whether q finds the same objects when the images are a little smaller and a little larger.

    Where there are objects it does; of the parts of one object, or of texture, it finds others each time. (What is
    found should not depend on how it was looked at: the validation of clusterings by their stability; Lange, Roth,
    Braun and Buhmann 2004, "Stability-Based Validation of Clustering Solutions".)
    """

    def labels(part: Image, kind: Kind) -> np.ndarray:
        return instances(*look(network, natural(part, kind).seen), least=LEAST).labels

    def compared(part: Image) -> Hits:
        own = labels(part, kind)
        others = [labels(part, replace(kind, diameter=kind.diameter / zoom)) for zoom in ZOOMS]
        return sum((mask_hits(label_iou(_stretched(other, own.shape), own)) for other in others), Hits())

    every = sum(ahead(compared, parts, cores()), Hits())
    share = every.f1
    objects = (2 * every.right + every.wrong + every.missed) / (2 * len(ZOOMS))
    return Steadiness(share, float(np.sqrt(share * (1 - share) / max(objects, 1))))


def _stretched(labels: np.ndarray, sides: tuple[int, ...]) -> np.ndarray:
    """A label image with so many rows and columns."""
    rows, columns = (((np.arange(to) + 0.5) * of / to).astype(int) for to, of in zip(sides, labels.shape, strict=True))
    return labels[rows[:, None], columns]
