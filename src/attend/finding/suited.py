"""The size of the usual object of each image: images of one kind may be enlarged more or less."""

import numpy as np

from attend.field import FieldNetwork, Said, instances, look
from attend.finding.gain import ENOUGH, gain_of, usual_diameter
from attend.finding.kind import Image, Kind, Natural, natural
from attend.photometry import NATURAL

LEAST = 0.4
"""Objects of which the network is less sure than this do not count."""

KNOWN = 5
"""The size that is told from other images has the weight of so many objects."""

ALIKE, FARTHEST = 1.15, 2.0
"""Where the usual object is as many times as large or small as the first, or less, the image is left as it is; at most
it is taken for so many times as large or small as in other images as the second says."""


def suited(network: FieldNetwork, image: Image, kind: Kind) -> tuple[Natural, Said]:
    """An image in natural units, scaled by the size of its own objects if q finds some, and what q says of it.

    Another size is taken if objects then explain the image nearly as well.

    Args:
        network: q, which looks once.
        image: in [0, 1].
        kind: what it has in common with others.
    """
    seen = natural(image, kind)
    said = look(network, seen.seen)
    found = instances(*said, least=LEAST)
    n = len(found.areas)
    if n < 2:
        return seen, said
    ratio = (usual_diameter(found.areas) / NATURAL) ** (n / (n + KNOWN))
    ratio = float(np.clip(ratio, 1 / FARTHEST, FARTHEST))
    if 1 / ALIKE < ratio < ALIKE:
        return seen, said
    other = Kind(kind.foreground, kind.diameter * ratio)
    again = natural(image, other)
    there = look(network, again.seen)
    gain = gain_of(image, instances(*there, least=LEAST), other)[0]
    return (again, there) if gain >= ENOUGH * gain_of(image, found, kind)[0] else (seen, said)
