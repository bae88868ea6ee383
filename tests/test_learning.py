"""That it learns: to count and box bright squares, without a label, in a minute."""

import numpy as np
import pytest

import attend
from attend.data import SceneData

pytestmark = pytest.mark.usefixtures("compiling_with_care")

SETTINGS = {
    "max_objects": 2,
    "cell_widths": (16, 16, 16),
    "what": 4,
    "glimpse": 8,
    "scale": 0.3,
    "encoder_widths": (32,),
    "decoder_widths": (32,),
    "steps": 1200,
    "learning_rate": 3e-3,
    "count_anneal_steps": 600,
}


def squares(n: int, seed: int) -> SceneData:
    """Scenes of 0 to 2 bright squares of 5 to 7 pixels, apart from each other, on 20x20 pixels."""
    generator = np.random.default_rng(seed)
    images = np.zeros((n, 20, 20, 1), np.uint8)
    boxes = np.zeros((n, 2, 4), np.float32)
    counts = generator.integers(0, 3, n)
    for row, count in enumerate(counts):
        placed = 0
        while placed < count:
            side = generator.integers(5, 8)
            x, y = generator.integers(0, 21 - side, 2)
            free = images[row, max(y - 1, 0) : y + side + 1, max(x - 1, 0) : x + side + 1].max() == 0
            if free:
                images[row, y : y + side, x : x + side] = generator.integers(150, 256)
                boxes[row, placed] = x, y, side, side
                placed += 1
    return SceneData(images, counts, boxes)


@pytest.mark.slow
def test_with_the_preset_fast_it_learns_to_count_in_a_third_of_the_steps():
    own = {name: value for name, value in SETTINGS.items() if name not in ("learning_rate", "count_anneal_steps")}
    test = squares(500, seed=1)
    model = attend.fit(squares(2000, seed=0).images, config="fast", seed=0, progress=False, **own | {"steps": 400})
    assert np.mean(model.infer(test.images).counts == test.counts) > 0.95


@pytest.mark.slow
def test_it_learns_to_count_and_to_box_without_a_label():
    test = squares(500, seed=1)
    model = attend.fit(squares(2000, seed=0).images, seed=0, progress=False, **SETTINGS)
    scenes = model.infer(test.images)
    assert np.mean(scenes.counts == test.counts) > 0.95
    alone = (test.counts == 1) & (scenes.counts == 1)
    assert np.median(np.abs(scenes.boxes[alone, 0] - test.boxes[alone, 0])) <= 2
    some = test.images[:100]
    assert model.elbo(some).mean() < model.importance_weighted_bound(some, samples=20).mean()
    _, counts = model.sample(1000)
    shares = np.bincount(counts, minlength=3) / 1000, np.bincount(scenes.counts, minlength=3) / 500
    assert 0.5 * np.abs(np.subtract(*shares)).sum() < 0.1
