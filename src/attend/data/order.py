"""In which order images are read again and again, when some of them are read together."""

import threading
from functools import lru_cache

import numpy as np
from jaxtyping import Int64


class PartsInOrder:
    """Which image comes at which place, where images are read in parts, such as the row groups of Parquet files.

    Every epoch has each image once. It takes the parts in a random order, a few of them at a time, a window, and all
    images of a window in a random order. So each part is read once in an epoch, and a window is all that need be kept.
    Everything follows from the seed and the place, and the permutations of the last windows are kept.
    """

    def __init__(self, lengths: Int64[np.ndarray, " parts"], window: int, seed: int):
        self._lengths, self._window, self._seed = lengths, window, seed
        self._starts = np.cumsum(lengths) - lengths
        self._n = int(lengths.sum())
        self._lock = threading.Lock()
        self._epoch = lru_cache(2)(self._epoch_anew)
        self._images = lru_cache(4)(self._images_anew)

    def __call__(self, place: int) -> int:
        """The number of the image at a place, which is counted from the first one of the first epoch."""
        epoch, rest = divmod(place, self._n)
        with self._lock:
            _, ends = self._epoch(epoch)
            window = int(np.searchsorted(ends, rest, side="right"))
            before = int(ends[window - 1]) if window else 0
            return int(self._images(epoch, window)[rest - before])

    def _epoch_anew(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The parts in the order of an epoch, and where each window of it ends."""
        parts = np.random.default_rng([self._seed, epoch]).permutation(len(self._lengths))
        ends = np.cumsum(self._lengths[parts])
        return parts, np.append(ends[self._window - 1 :: self._window][: -(-len(parts) // self._window) - 1], self._n)

    def _images_anew(self, epoch: int, window: int) -> np.ndarray:
        """The images of a window in their order."""
        parts = self._epoch(epoch)[0][window * self._window : (window + 1) * self._window]
        images = np.concatenate([np.arange(int(self._lengths[part])) + self._starts[part] for part in parts])
        rng = np.random.default_rng([self._seed, epoch, window + 1])  # 0 would be as if it were not there
        return rng.permutation(images)
