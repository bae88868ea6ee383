"""Objects as ellipses of the same second moments, for what depends on their shape and turn but not on details."""

import numpy as np
from jaxtyping import Bool, Float, Int


def ellipses(labels: Int[np.ndarray, "rows columns"]) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2 2"]]:
    """The centroid and the spread of each object of a label image that has the labels 1 to n.

    Returns:
        Row and column of each centroid, in pixels; and the covariance of the places of its pixels, each of which is a
        square.
    """
    rows, columns = np.nonzero(labels)
    owner = labels[rows, columns] - 1
    n = int(owner.max(initial=-1)) + 1
    areas = np.maximum(np.bincount(owner, minlength=n), 1)
    centroids = np.stack([np.bincount(owner, axis, n) / areas for axis in (rows, columns)], axis=1)
    off = np.stack([rows, columns], axis=1) - centroids[owner]
    yy, xx, xy = (np.bincount(owner, off[:, i] * off[:, j], n) / areas for i, j in ((0, 0), (1, 1), (0, 1)))
    return centroids, np.stack([yy, xy, xy, xx], axis=1).reshape(n, 2, 2) + np.eye(2) / 12


def spread_of(covered: Bool[np.ndarray, "rows columns"]) -> Float[np.ndarray, "2 2"]:
    """The covariance of the places of some pixels, as of `ellipses`."""
    return np.cov(np.nonzero(covered), bias=True) + np.eye(2) / 12


def radii(spreads: Float[np.ndarray, "... 2 2"], towards: Float[np.ndarray, "... 2"]) -> Float[np.ndarray, "..."]:
    """How far the outline of each ellipse lies from its middle, in the direction of a vector of length 1.

    The two may have different leading axes, as far as these can be broadcast.
    """
    (yy, yx), (_, xx) = np.moveaxis(spreads, (-2, -1), (0, 1))
    y, x = np.moveaxis(towards, -1, 0)
    return np.asarray(2 * np.sqrt((yy * xx - yx**2) / np.maximum(xx * y**2 - 2 * yx * x * y + yy * x**2, 1e-12)))
