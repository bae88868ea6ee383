"""q over a field: what the network says becomes objects, of any image size and without seams."""

import jax
import numpy as np
import pytest

from attend.dreams import Arrangement, compose, draw_shapes, targets
from attend.errors import AttendError
from attend.field import (
    FieldNetwork,
    Instances,
    covered,
    from_arrays,
    instances,
    look,
    sleep,
    to_arrays,
    universal,
    universal_dreams,
)
from attend.field.blocks import BLOCK


@pytest.fixture(scope="module")
def network():
    return universal()


def _truth(seed, density=12.0):
    rng = np.random.default_rng(seed)
    shapes = draw_shapes(rng, 8)
    arrangement = Arrangement(density=density, size_sd=0.1, touching=0.3, gaps=(0.95, 1.2))
    dream = compose(rng, shapes, arrangement, np.zeros((96, 96)))
    return dream, targets(dream)


def test_the_truth_said_by_the_network_would_be_the_objects():
    dream, truth = _truth(0)
    found = instances(truth.heat, truth.inside, truth.offsets, least=0.9)
    true = {k for k in range(1, len(dream.areas)) if (dream.owner == k).sum() >= 30}
    for k in true:
        shared = [((found.labels == i + 1) & (dream.owner == k)).sum() for i in range(len(found.areas))]
        best = int(np.argmax(shared))
        assert shared[best] > 0.9 * (dream.owner == k).sum()
        x0, y0, wide, high = found.boxes()[best]
        rows, columns = np.nonzero(found.labels == best + 1)
        assert (x0, y0) == (columns.min(), rows.min())
        assert (wide, high) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert (np.bincount(found.labels.ravel())[1:] == found.areas).all()
    assert (np.diff(found.scores) <= 0).all()


def test_boxes_end_between_pixels_where_half_of_one_is_covered():
    """Two soft discs, one of them cut by the border of the image."""
    rows, columns = np.mgrid[:40, :60] + 0.5
    distance = np.stack([np.hypot(rows - 5.3, columns - 20.6), np.hypot(rows - 24.0, columns - 20.6)])
    alpha = (8 - distance.min(axis=0)).clip(-0.5, 0.5) + 0.5
    labels = np.where(alpha > 0.5, distance.argmin(axis=0) + 1, 0)
    found = Instances(np.zeros((2, 2)), np.ones(2), labels, np.full(2, 200.0), alpha)
    expected = [[12.6, 0, 16, 13.3], [12.6, 16, 16, 16]]
    np.testing.assert_allclose(found.boxes(), expected, atol=0.15)
    np.testing.assert_array_equal(covered(labels, alpha, np.array(1))[labels == 2], 1 - alpha[labels == 2])


def test_nothing_said_is_nothing_found():
    found = instances(np.zeros((8, 8)), np.ones((16, 16)), np.zeros((16, 16, 2)), least=0.1)
    assert len(found.scores) == 0
    assert found.labels.max() == 0
    assert found.boxes().shape == (0, 4)


def test_blocks_of_a_large_image_meet_without_a_seam(network, monkeypatch):
    """An image in blocks is said the same as the whole of it in one block."""
    image = np.random.default_rng(0).normal(size=(250, 330, 2)).astype(np.float32)
    whole = look(network, image)
    monkeypatch.setattr("attend.field.blocks.BLOCK", 128)
    blocks = look(network, image)
    for one, other in zip(whole, blocks, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
    assert BLOCK % 8 == 0


def test_what_is_said_in_eight_turns_turns_with_the_image(network):
    """Of the image on its side and of its mirror image the same is said, on its side and mirrored."""
    image = np.random.default_rng(0).normal(size=(64, 128, 2)).astype(np.float32)
    said, aside, mirrored = (look(network, one, 8) for one in (image, np.rot90(image), image[:, ::-1]))
    for one, other, back in zip(said, aside, mirrored, strict=True):
        if one.ndim == 3:  # rows and columns; what points right points up on its side
            other, back = other[..., ::-1] * np.array([1, -1]), back * np.array([1, -1])
        np.testing.assert_allclose(np.rot90(other, -1), one, atol=2e-4)
        np.testing.assert_allclose(back[:, ::-1], one, atol=2e-4)
    assert np.abs(look(network, image).inside - said.inside).max() > 1e-3


@pytest.mark.parametrize("turns", [1, 8])
@pytest.mark.parametrize("size", [(8, 8), (31, 65), (100, 41)])
def test_images_of_any_size_are_said_in_full(network, size, turns):
    said = look(network, np.zeros((*size, 2), np.float32), turns)
    assert said.inside.shape == size
    assert said.offsets.shape == (*size, 2)
    assert said.heat.shape == ((size[0] + 1) // 2, (size[1] + 1) // 2)


def test_weights_come_back(network):
    again = from_arrays(to_arrays(network))
    for one, other in zip(jax.tree.leaves(network), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
    arrays = to_arrays(network)
    with pytest.raises(AttendError, match=r"enter.weight is missing"):
        from_arrays({name: array for name, array in arrays.items() if name != "enter.weight"})
    with pytest.raises(AttendError, match=r"leave.bias has shape \(2,\); it must have shape \(13,\)"):
        from_arrays(arrays | {"leave.bias": np.zeros(2)})


def test_the_network_that_comes_with_the_package_counts_what_it_has_never_seen(network):
    """Drawn shapes of another seed, many of them crowded or faint."""
    rng = np.random.default_rng(99)
    dream = universal_dreams(20, seed=77)
    hits = found = true = 0
    for _ in range(40):
        image, truth = dream(rng)
        objects = instances(*look(network, image), least=0.4)
        middles = 2.0 * np.stack(np.nonzero(truth.heat >= 0.999), axis=1) + 0.5
        near = np.hypot(*(objects.middles[:, None] - middles).transpose(2, 0, 1)) < 5
        hits += near.any(axis=1).sum()
        found, true = found + len(objects.scores), true + len(middles)
    assert hits / found > 0.8
    assert hits / true > 0.4


@pytest.mark.slow
def test_sleep_learns_and_follows_from_the_seed():
    """A network that knows nothing learns to tell objects from black, the same way each time."""
    losses: list[list[float]] = []
    networks = []
    for _ in range(2):
        heard: list[float] = []
        fresh = FieldNetwork(jax.random.key(0))
        trained = sleep(
            fresh,
            universal_dreams(4, 0),
            steps=20,
            seed=1,
            learning_rate=3e-3,
            watch=lambda step, loss, heard=heard: heard.append(loss),
        )
        losses.append(heard)
        networks.append(trained)
    assert losses[0] == losses[1]
    for one, other in zip(*map(jax.tree.leaves, networks), strict=True):
        np.testing.assert_array_equal(one, other)
    image, truth = universal_dreams(4, 0)(np.random.default_rng(3))
    before, after = look(FieldNetwork(jax.random.key(0)), image), look(networks[0], image)
    assert np.mean(np.abs(after.inside - truth.inside)) < np.mean(np.abs(before.inside - truth.inside))
