"""The size of the usual object of each image: images of one kind may be enlarged more or less."""

from dataclasses import replace

import numpy as np

from attend.field import FieldNetwork, Said, instances, look
from attend.finding.busiest import Activity
from attend.finding.gain import ENOUGH, gain_of, usual_diameter
from attend.finding.kind import Image, Kind
from attend.finding.objects import TILE
from attend.finding.views import View, view
from attend.photometry import NATURAL

LEAST = 0.4
"""Objects of which the network is less sure than this do not count."""

KNOWN = 5
"""The size that is told from other images has the weight of so many objects."""

ALIKE, FARTHEST = 1.15, 2.0
"""Where the usual object is as many times as large or small as the first, or less, the image is left as it is; at most
it is taken for so many times as large or small as in other images as the second says."""


def suited(network: FieldNetwork, image: Image, kind: Kind) -> tuple[View, Said | None]:
    """An image as one of a kind, scaled by the size of its own objects if q finds some.

    Another size is taken if objects then explain the image, or the busiest part of a large one, nearly as well.

    Args:
        network: q, which looks once.
        image: in [0, 1], or in bytes.
        kind: what it has in common with others.

    Returns:
        The image, and what q says of it in one look; None of that if only a part has been looked at.
    """
    part = Activity(image).busiest(round(TILE * kind.diameter / NATURAL))
    best, said = _suited(network, part, kind)
    return (best, said) if part is image else (view(image, best.kind), None)


def _suited(network: FieldNetwork, image: Image, kind: Kind) -> tuple[View, Said]:
    own = view(image, kind)
    said = look(network, own.whole.seen)
    found = instances(*said, least=LEAST)
    n = len(found.areas)
    if n < 2:
        return own, said
    ratio = (usual_diameter(found.areas) / (NATURAL * kind.usual)) ** (n / (n + KNOWN))
    ratio = float(np.clip(ratio, 1 / FARTHEST, FARTHEST))
    if 1 / ALIKE < ratio < ALIKE:
        return own, said
    other = view(image, replace(kind, diameter=kind.diameter * ratio))
    there = look(network, other.whole.seen)
    gain = gain_of(image, instances(*there, least=LEAST), other.kind)[0]
    return (other, there) if gain >= ENOUGH * gain_of(image, found, kind)[0] else (own, said)
