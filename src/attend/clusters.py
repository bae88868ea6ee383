"""Groups of objects that look alike, told by their appearance codes alone or by what these paint."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from attend.errors import AttendError
from attend.outlines import outlines
from attend.scenes import Scenes

MOST = 10
"""Groups that are tried at most when their number is to be found out."""

OUTLINE = "outline"
"""Groups `by` what is painted of the objects, wherever, however large, however turned and in whatever colour."""

SAMPLED = 5000
"""Objects from which the groups are learned; the rest is then assigned to them."""


@dataclass(frozen=True)
class Clusters:
    """The group of every object.

    Attributes:
        labels: from 0, the largest group first; -1 in rows beyond an image's count.
        distances: from the object's numbers to the middle of its group; infinite in rows beyond the count.
        silhouettes: by how many groups were tried, how well they are told apart, -1 to 1; empty if k was given.
    """

    labels: Int[np.ndarray, "batch objects"]
    distances: Float[np.ndarray, "batch objects"]
    silhouettes: dict[int, float]

    @property
    def sizes(self) -> list[int]:
        """How many objects each group has."""
        return np.bincount(self.labels[self.labels >= 0]).tolist()

    def nearest(self, cluster: int, n: int) -> list[tuple[int, int]]:
        """The image and the index of the n objects nearest to the middle of a group, or of all if it has fewer."""
        rows, indices = np.nonzero(self.labels == cluster)
        order = np.argsort(self.distances[rows, indices], kind="stable")[:n]
        return list(zip(rows[order].tolist(), indices[order].tolist(), strict=True))


def cluster(scenes: Scenes, k: int | None = None, *, by: str = "", seed: int = 0) -> Clusters:
    """Group the objects 1..count of all images by `what`, by a part of it, or by the outlines that it paints.

    By k-means, the best of 10 starts, on the numbers as they are: p draws every one of a code from N(0, 1), so they
    need no scaling. If k is None, every k from 2 to 10 is tried, and the one with the highest mean silhouette
    (Rousseeuw 1987) taken, which compares how near objects are to their own group and to the next one. That cannot
    tell that there is only one group.

    Args:
        scenes: what inference found.
        k: how many groups.
        by: `outline` for what `attend.outlines` tells of the patches; else only the numbers of `what` whose names begin
            so count: `shape` or `colour` where the renderer tells them apart.
        seed: of the starts, and of the sample if there are more than 5,000 objects.

    Raises:
        AttendError: there are fewer different objects than groups, or than the 3 it takes to choose k; or no number
            has such a name.
    """
    present = scenes.exists
    told = outlines(scenes.patches[present]) if by == OUTLINE else scenes.what[present][:, _columns(scenes, by)]
    told = told.astype(np.float64)
    rng = np.random.default_rng(seed)
    sample = told if len(told) <= SAMPLED else told[rng.choice(len(told), SAMPLED, replace=False)]
    different = len(np.unique(sample, axis=0)) if len(sample) else 0
    if k is not None and k < 1:
        raise AttendError(f"k: is {k}; it must be 1 or more")
    if k is None and different < 3:
        raise AttendError(
            f"k: is auto, which takes 3 different objects; in {len(scenes):,} images there are {different}"
        )
    if k is not None and different < k:
        raise AttendError(f"k: is {k}, but in {len(scenes):,} images there are {different} different objects")
    tried = [k] if k is not None else range(2, min(MOST, different - 1) + 1)
    # scikit-learn's own annotation of n_init knows its default alone
    fits = {
        k: KMeans(k, n_init=10, random_state=seed).fit(sample)  # pyright: ignore[reportArgumentType]
        for k in tried
    }
    silhouettes = {}
    if k is None:
        silhouettes = {k: float(silhouette_score(sample, fit.labels_)) for k, fit in fits.items()}
        k = max(silhouettes, key=lambda k: silhouettes[k])
    labels = fits[k].predict(told)
    largest_first = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    rank = np.empty(k, np.int64)
    rank[largest_first] = np.arange(k)
    all_labels, distances = np.full(present.shape, -1), np.full(present.shape, np.inf)
    all_labels[present] = rank[labels]
    distances[present] = np.linalg.norm(told - fits[k].cluster_centers_[labels], axis=1)
    return Clusters(all_labels, distances, silhouettes)


def _columns(scenes: Scenes, by: str) -> list[int]:
    names = scenes.what_names or [""] * scenes.what.shape[2]
    columns = [column for column, name in enumerate(names) if name.startswith(by)]
    if not columns:
        known = ", ".join(dict.fromkeys(name.rpartition("_")[0] or name for name in names))
        raise AttendError(f"by: no number of what is called {by!r}; they are called {known}, or give {OUTLINE}")
    return columns
