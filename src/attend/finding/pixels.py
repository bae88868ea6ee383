"""What p has to say of the objects that q proposes: which pixels are theirs, and which are too dim to be one."""

from typing import Any

import numpy as np
from scipy import ndimage
from scipy.special import logit

from attend.field import SMALLEST, Instances, Said, boxed, chosen
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
    labels = found.labels
    for _ in range(TURNS):
        level = [
            np.median(contrast[part][labels[part] == k + 1]) for k, part in enumerate(ndimage.find_objects(labels))
        ]
        outside: Any = ndimage.distance_transform_edt(labels == 0, return_indices=True)
        distance, nearest = outside
        near = np.where(distance <= FARTHEST, labels[tuple(nearest)], 0)
        own = np.concatenate([[1.0], level])[near]
        above = (contrast - (own + around) / 2) / np.maximum((own - around) / 2, DIFFERENCE)
        odds = ndimage.gaussian_filter(prior + WEIGHT * above.clip(-3, 3), SMOOTH)
        new = np.where((odds > 0) & (near > 0), near, 0).astype(np.int32)
        lost = np.bincount(new.ravel(), minlength=n + 1) < SMALLEST
        lost[0] = False
        labels = np.where(lost[labels], labels, np.where(lost[new], 0, new))
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:].astype(float)
    return found._replace(labels=labels, boxes=boxed(labels), areas=areas)


def alike(found: Instances, image: Natural) -> Instances:
    """The same objects without those that are far too dim to be one of the others, as the tail of a bright one is.

    Brightness is log-normal in p. Its median and, from the median absolute deviation, its spread are those of the
    objects of which q is surer than not.
    """
    sure = found.scores > 0.5
    if sure.sum() < FEWEST:
        return found
    mean = np.asarray(ndimage.mean(image.contrast, found.labels, np.arange(1, len(found.areas) + 1)))
    brightness = np.log(mean.clip(1e-3))
    deviation = max(robust_sd(brightness[sure]), VARIED)
    kept = brightness >= np.median(brightness[sure]) - DIMMER * deviation
    return chosen(found.middles, found.scores, found.labels, found.areas, kept)
