"""What p has to say of the objects that q proposes: which pixels are theirs, and which are too dim to be one."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.special import logit

from attend.field import SMALLEST, Instances, Said, chosen
from attend.finding.kind import Natural
from attend.photometry import robust_sd, smooth_over

WEIGHT = 4.0
"""Nats for a pixel that is as bright as the object, and against one as dark as what is around it."""

FARTHEST = 3.0
"""Pixels that are no farther than this from an object may become a part of it."""

AROUND, OUTSIDE = 5.0, 0.2
"""The background near an object is the mean of the pixels that q puts outside with more than 1 - `OUTSIDE`, weighted
by a Gaussian of so many pixels."""

TURNS, SMOOTH = 3, 0.5
"""Times that levels and pixels are told from each other; and pixels over which the log odds are smoothed."""

CERTAIN = 4.0
"""Log odds from which on an object covers all of a pixel, or none of it."""

DIFFERENCE = 0.05
"""The contrast of an object with what is around it, in that of the usual object, is reckoned to be no less."""

FEWEST, DIMMER, VARIED = 8, 3.0, 0.3
"""Of so many objects or more, those are left out whose logarithm of the contrast is so many standard deviations below
the median; the deviation is reckoned to be no less than the last."""


def refined(found: Instances, said: Said, image: Natural) -> Instances:
    """The same objects, where p has a say in which pixels are theirs.

    p paints an object in one level before a smooth background, and blurs both, so that the outline lies where the
    contrast is half way between the two. By how much a pixel is above or below that is added to the log odds that q
    gives it. Levels and pixels follow from each other in turn (as in Chan and Vese 2001, "Active Contours Without
    Edges"). An object that would lose nearly all of its pixels stays as it was.
    """
    n, contrast = len(found.areas), image.contrast
    if not n:
        return found
    around, weight = smooth_over(contrast, said.inside < OUTSIDE, AROUND)
    around = np.where(weight > 0.02, around, 0)
    prior = logit(np.clip(said.inside, 1e-4, 1 - 1e-4))
    labels, odds = found.labels, prior
    for _ in range(TURNS):
        level = medians(contrast, labels, n)
        near = _nearest(labels)
        own = np.concatenate([[1.0], level]).astype(np.float32)[near]
        above = (contrast - (own + around) / 2) / np.maximum((own - around) / 2, DIFFERENCE)
        odds = ndimage.gaussian_filter(prior + WEIGHT * above.clip(-3, 3), SMOOTH)
        new = np.where((odds > 0) & (near > 0), near, 0).astype(np.int32)
        lost = np.bincount(new.ravel(), minlength=n + 1) < SMALLEST
        lost[0] = False
        labels = np.where(lost[labels], labels, np.where(lost[new], 0, new))
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:].astype(float)
    alpha = (0.5 + odds / (2 * CERTAIN)).clip(0, 1).astype(np.float32)
    return found._replace(labels=labels, areas=areas, alpha=alpha)


def medians(
    values: Float[np.ndarray, "rows columns"], labels: Int[np.ndarray, "rows columns"], n: int
) -> Float[np.ndarray, " {n}"]:
    """The median of the values of each of n objects, all of which have some; to 30 bits of their range."""
    inside = labels > 0
    value, owner = values[inside].astype(float), labels[inside]
    low, high = value.min(), value.max()
    value = np.sort((value - low) / (2 * (high - low) + 1e-30) + owner)  # one sort for all: objects follow each other
    upto = np.searchsorted(value, np.arange(1, n + 2) - 0.25)
    middle, odd = (upto[:-1] + upto[1:]) // 2, np.diff(upto) % 2
    return ((value[middle - 1 + odd] + value[middle]) / 2 - np.arange(1, n + 1)) * 2 * (high - low) + low


def _nearest(labels: Int[np.ndarray, "rows columns"]) -> Int[np.ndarray, "rows columns"]:
    """Of each pixel the object that it is of, or else the nearest one that is not farther than `FARTHEST`."""
    found: Any = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    rows, columns = found
    down, across = (np.arange(side, dtype=np.int32) for side in labels.shape)
    square = np.square(rows - down[:, None]) + np.square(columns - across)
    return np.where(square <= FARTHEST**2, labels[rows, columns], 0)


def alike(found: Instances, image: Natural) -> Instances:
    """The same objects without those that are far too dim to be one of the others, as the tail of a bright one is."""
    mean = np.asarray(ndimage.mean(image.contrast, found.labels, np.arange(1, len(found.areas) + 1)))
    too_dim = dim(found.scores, np.log(mean.clip(1e-3)))
    if not too_dim.any():
        return found
    return chosen(found, ~too_dim)


def dim(scores: Float[np.ndarray, " n"], brightness: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which objects are far too dim to be one of the others.

    Brightness is log-normal in p. Its median and, from the median absolute deviation, its spread are those of the
    objects of which q is surer than not.

    Args:
        scores: how sure q is of each.
        brightness: the logarithm of each one's contrast.
    """
    sure = scores > 0.5
    if sure.sum() < FEWEST:
        return np.zeros(len(scores), bool)
    deviation = max(robust_sd(brightness[sure]), VARIED)
    return brightness < np.median(brightness[sure]) - DIMMER * deviation
