"""What images tell of the settings of a model of them."""

import numpy as np
import pytest

from attend.data import draw_sprites
from attend.survey import survey

SCENES = draw_sprites(n=200, seed=0, canvas=50, counts=(0, 1, 2, 3), size=(14, 22))
UNEVEN = np.linspace(0.2, 0.6, 50, dtype=np.float32)[:, None, None]


def before(ground):
    """The scenes with a ground instead of black."""
    images = SCENES.images.astype(np.float32) / 255
    return np.where(images.max(axis=3, keepdims=True) > 0, images, ground).astype(np.float32)


@pytest.mark.parametrize(
    ("images", "background"),
    [
        (SCENES.images, "none"),
        (before(0.4), "constant"),
        (before(UNEVEN), "learned"),
        (before(np.random.default_rng(0).uniform(0.2, 0.6, (200, 1, 1, 3))), "learned"),
    ],
    ids=["black", "one colour", "uneven light", "a colour each"],
)
def test_ground_is_told(images, background):
    told = survey(images)
    assert told.settings["background"] == background
    assert told.settings.get("renderer", "patch") == ("patch" if background == "none" else "alpha")


@pytest.mark.parametrize("ground", [0.0, 0.4, UNEVEN], ids=["black", "one colour", "uneven light"])
def test_size_and_number_are_told(ground):
    told = survey(before(ground)).settings
    longest = np.median(SCENES.boxes[SCENES.boxes[..., 2] > 0][:, 2:].max(axis=1))
    assert told["scale"] == pytest.approx(1.25 * longest / 50, rel=0.2)
    assert told["max_objects"] in (3, 4)


def test_noise_does_not_make_a_ground_uneven():
    noise = np.random.default_rng(0).normal(0.4, 0.05, (100, 40, 40, 1)).clip(0, 1)
    assert survey(noise.astype(np.float32)).settings["background"] == "constant"


def test_nothing_is_said_of_objects_that_are_not_there():
    told = survey(np.full((30, 20, 20, 1), 0.5, np.float32))
    assert told.settings == {"background": "constant", "renderer": "alpha"}


def test_what_is_given_is_left_alone():
    told = survey(before(0.4))
    assert "scale" not in told.beside(["scale"])
    assert not {"renderer", "background"} & set(told.beside(["renderer"]))
    assert not any("background" in line for line in told.lines(["renderer"]))
