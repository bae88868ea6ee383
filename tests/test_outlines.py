import numpy as np
import pytest
from scipy import ndimage

from attend.data import SHAPES, load
from attend.outlines import outlines


@pytest.fixture(scope="module")
def patches():
    """Shapes of sprites, each in the middle of its patch, and which they are."""
    data = load("sprites", n=200, canvas=24, counts=(1,), size=(18, 20))
    return np.float32(data.images) / 255, data.labels[:, 0]


def test_a_turn_a_size_a_place_and_a_colour_change_little_and_another_shape_much(patches):
    images, labels = patches
    one = images[np.flatnonzero(labels == SHAPES.index("triangle"))[0]]
    wide = np.pad(one, ((12, 12), (12, 12), (0, 0)))
    turned = ndimage.rotate(wide, 40, order=1, reshape=False)
    changed = {
        "turned": turned,
        "smaller": np.pad(ndimage.zoom(wide, (0.7, 0.7, 1), order=1), ((7, 7), (7, 7), (0, 0)))[:48, :48],
        "moved": np.roll(wide, (3, -5), (0, 1)),
        "in another colour": wide @ np.array([[0.1, 0.6, 0.2]] * 3, np.float32),
    }
    base, *others = outlines(np.clip(np.stack([wide, *changed.values()]), 0, 1))
    apart = min(np.linalg.norm(outlines(images[labels != SHAPES.index("triangle")]) - base, axis=1))
    for name, other in zip(changed, others, strict=True):
        assert np.linalg.norm(other - base) < 0.5 * apart, name


def test_shapes_turned_at_random_are_told_apart_by_the_nearest_of_the_rest(patches):
    images, labels = patches
    numbers = outlines(images)
    distances = np.linalg.norm(numbers[:, None] - numbers, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert np.mean(labels[distances.argmin(axis=1)] == labels) > 0.97


def test_an_object_that_is_nowhere_to_be_seen_has_numbers_too():
    assert np.isfinite(outlines(np.zeros((2, 8, 8, 1), np.float32))).all()
    assert outlines(np.zeros((0, 8, 8, 1), np.float32)).shape[0] == 0
