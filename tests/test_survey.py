"""What images tell of the settings of a model of them."""

import numpy as np
import pytest

from attend.data import draw_sprites
from attend.fitting import fit
from attend.survey import looks_like_noise, survey

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


def noise(n=100, side=30, channels=1, seed=0):
    return np.random.default_rng(seed).random((n, side, side, channels)).astype(np.float32)


@pytest.mark.parametrize(
    "images",
    [
        noise(),
        noise(n=1),
        noise(n=3, side=8),
        noise(n=20, side=64, channels=3),
        np.random.default_rng(0).normal(0.4, 0.05, (40, 40, 40, 1)).astype(np.float32),
        np.random.default_rng(0).poisson(3, (40, 33, 50, 1)).astype(np.float32) / 20,
        np.random.default_rng(0).integers(256, size=(40, 30, 30, 1)).astype(np.uint8),
    ],
    ids=["uniform", "one image", "small", "colour", "normal", "poisson", "bytes"],
)
def test_noise_is_told_from_images_and_gets_few_objects(images):
    told = survey(images)
    assert told.settings["max_objects"] == 1
    assert told.settings["background"] != "learned"
    assert "scale" not in told.settings
    assert "look like noise" in told.warnings[0]


def test_noise_is_missed_hardly_ever():
    assert sum(looks_like_noise(noise(n=3, side=20, seed=seed)) for seed in range(200)) >= 198


def dim_squares(contrast):
    images = np.random.default_rng(0).normal(0.4, 0.1, (100, 40, 40, 1)).astype(np.float32)
    images[:, 10:18, 20:28] += contrast * 0.1
    return images


@pytest.mark.parametrize(
    "images",
    [
        SCENES.images,
        before(0.4),
        before(UNEVEN),
        dim_squares(1.0),
        dim_squares(0.5),
        noise() * 0.2 + UNEVEN[:30] * 0.5,
        np.full((30, 20, 20, 1), 0.5, np.float32),
        noise(side=3),
    ],
    ids=["black", "one colour", "uneven light", "dim", "dimmer", "noise in uneven light", "even", "too small"],
)
def test_images_of_something_are_not_taken_for_noise(images):
    assert not survey(images).warnings
    assert not looks_like_noise(images.astype(np.float32))


@pytest.mark.slow
def test_few_objects_are_found_in_noise_and_it_is_said():
    images = noise()[..., 0]
    with pytest.warns(UserWarning, match="look like noise"):
        model = fit(images, steps=200, progress=False)
    assert model.infer(images).counts.mean() < 0.1
