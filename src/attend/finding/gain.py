"""How well objects explain an image: p of objects of one colour each, before what is smooth around them."""

import numpy as np
from scipy import ndimage

from attend.field import Instances
from attend.finding.kind import Image, Kind, in_unit
from attend.photometry import NATURAL, noise_level, resample, smooth_over

ENOUGH = 7 / 8
"""Another size of objects explains an image nearly as well if the gain is so many times as much, at least."""


def gain_of(image: Image, found: Instances, kind: Kind) -> tuple[float, float]:
    """By how many nats a pixel and channel objects of one colour each explain the image better than what is around.

    It is weighted by q's mean score of the objects, in which each has the weight of what it adds to the image: faint
    objects, of which q is never sure, neither help nor harm. The second number is `Evidence.share`.
    """
    factor, image = NATURAL / kind.diameter, in_unit(image)
    colours = np.stack([resample(image[..., i], factor) for i in range(image.shape[2])], axis=-1)
    outside = found.labels == 0
    if outside.mean() < 0.02 or not len(found.areas):
        return 0.0, 0.0
    left = colours - np.stack([smooth_over(c, outside, NATURAL)[0] for c in np.moveaxis(colours, -1, 0)], axis=-1)
    index = np.arange(1, len(found.areas) + 1)
    means = np.stack([ndimage.mean(channel, found.labels, index) for channel in np.moveaxis(left, -1, 0)], axis=-1)
    painted = np.concatenate([np.zeros_like(means[:1]), means])[found.labels]
    adds = found.areas * np.square(means).sum(axis=1)
    sure = (found.scores * adds).sum() / max(adds.sum(), 1e-12)
    noise = sum(noise_level(channel) ** 2 for channel in np.moveaxis(left, -1, 0))
    before, after = (float(np.square(rest).mean(axis=(0, 1)).sum()) for rest in (left, left - painted))
    share = (before - after) / max(before - noise, 1e-12)
    return 0.5 * float(sure) * (_log_volume(left) - _log_volume(left - painted)), share


def _log_volume(left: np.ndarray) -> float:
    """The logarithm of the determinant of the covariance of what is left, per channel."""
    flat = left.reshape(-1, left.shape[2])
    covariance = flat.T @ flat / len(flat) + 1e-6 * np.eye(left.shape[2])
    return float(np.linalg.slogdet(covariance)[1] / left.shape[2])


def usual_diameter(areas: np.ndarray) -> float:
    """The median of the diameters of objects of these areas, each weighted by its own: fragments count for little."""
    ordered = np.sort(np.sqrt(4 * areas / np.pi))
    upto = np.cumsum(ordered)
    return float(ordered[np.searchsorted(upto, upto[-1] / 2)] / 1.05)
