import numpy as np
import pytest

from attend.exports import Results
from attend.scenes import Scenes

HEIGHT, WIDTH, OBJECTS, WHAT, MASK = 20, 30, 3, 5, 14


def make_scenes(batch, channels, names, seed, masks):
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
        masks=discs(batch, rng) if masks else None,
        names=names,
    )


def discs(batch, rng):
    """Masks of soft ellipses, more or less faint; some have a hole, and some have two parts."""
    y, x = (np.mgrid[:MASK, :MASK] + 0.5) / MASK * 2 - 1
    radii = rng.uniform(0.6, 1, (batch, OBJECTS, 2, 1, 1))
    distance = np.hypot(x / radii[:, :, 0], y / radii[:, :, 1])
    distance[::3] = np.abs(distance[::3] - 0.6) + 0.6
    distance[1::3] += 2 * (np.abs(x) < 0.2)
    strength = rng.uniform(0.3, 1, (batch, OBJECTS, 1, 1))
    return (strength * np.clip(3 * (1.2 - distance), 0, 1)).astype(np.float16)


@pytest.fixture
def make():
    """Results with some of their fields given."""

    def results(batch=8, *, channels=1, names=None, seed=0, masks=True, **fields):
        return Results(make_scenes(batch, channels, names, seed, masks), **fields)

    return results


@pytest.fixture
def viewed(make):
    """Results of centre crops at (7, 3) of pictures of 60x40 that were shrunk to a half."""
    view = [7, 3, 2 * WIDTH - 14, 2 * HEIGHT - 6, 60, 40]
    return make(views=np.tile(np.array(view, np.int64), (8, 1)))
