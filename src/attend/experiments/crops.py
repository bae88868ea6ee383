"""Parts of large images, to learn from."""

import numpy as np

from attend.data import SceneData


def crops(data: SceneData, side: int, each: int) -> SceneData:
    """So many random square parts of every scene, the same each time; what is in them is not known."""
    rng = np.random.default_rng(0)
    scene = np.repeat(np.arange(len(data)), each)
    y, x = (rng.integers(length - side + 1, size=len(scene)) for length in data.images.shape[1:3])
    windows = np.lib.stride_tricks.sliding_window_view(data.images, (side, side), axis=(1, 2))
    return SceneData(np.moveaxis(windows[scene, y, x], 1, 3))
