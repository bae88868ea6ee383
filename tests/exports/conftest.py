import numpy as np
import pytest

from attend.exports import Results
from attend.scenes import Scenes

HEIGHT, WIDTH, OBJECTS, WHAT = 20, 30, 3, 5


def make_scenes(batch, channels, names, seed):
    """Scenes with boxes inside their images."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.random((batch, *shape), dtype=np.float32)

    corners = draw(OBJECTS, 2) * (WIDTH / 2, HEIGHT / 2)
    sizes = 1 + draw(OBJECTS, 2) * (WIDTH / 2 - 1, HEIGHT / 2 - 1)
    counts = np.arange(batch) % (OBJECTS + 1)
    return Scenes(
        images=rng.integers(256, size=(batch, HEIGHT, WIDTH, channels)).astype(np.float32) / 255,
        reconstructions=draw(HEIGHT, WIDTH, channels),
        where=draw(OBJECTS, 3),
        where_sd=draw(OBJECTS, 3),
        what=rng.standard_normal((batch, OBJECTS, WHAT)).astype(np.float32),
        what_sd=draw(OBJECTS, WHAT),
        count_probs=(0.8 * np.eye(OBJECTS + 1)[counts] + 0.2 * rng.dirichlet(np.ones(OBJECTS + 1), batch)).astype("f4"),
        boxes=np.concatenate([corners, sizes], axis=2).astype(np.float32),
        patches=draw(OBJECTS, 8, 8, channels),
        names=names,
    )


@pytest.fixture
def make():
    """Results with some of their fields given."""

    def results(batch=8, *, channels=1, names=None, seed=0, **fields):
        return Results(make_scenes(batch, channels, names, seed), **fields)

    return results


@pytest.fixture
def viewed(make):
    """Results of centre crops at (7, 3) of pictures of 60x40 that were shrunk to a half."""
    view = [7, 3, 2 * WIDTH - 14, 2 * HEIGHT - 6, 60, 40]
    return make(views=np.tile(np.array(view, np.int64), (8, 1)))
