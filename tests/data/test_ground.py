import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from attend.data import light_ground, polarity

ANY = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 20),
    side=st.integers(10, 24),
    channels=st.sampled_from([1, 3]),
    ground=st.integers(200, 240),
)
def test_ink_on_paper_is_light_and_its_negative_is_dark(seed, n, side, channels, ground):
    rng = np.random.default_rng(seed)
    images = rng.integers(ground - 15, ground + 16, (n, side, side, channels)).astype(np.uint8)
    for image in images:
        for y, x in rng.integers(side - 4, size=(rng.integers(3), 2)):  # some reach the border
            image[y : y + 4, x : x + 4] = rng.integers(0, 120)
    assert light_ground(images)
    assert not light_ground(255 - images)
    assert light_ground(images.astype(np.float32) / 255)


@given(images=ANY)
def test_never_both_an_image_and_its_negative(images):
    assert not (light_ground(images) and light_ground(255 - images))


@given(images=ANY)
def test_order_and_orientation_do_not_matter(images):
    light = light_ground(images)
    assert light_ground(images[::-1]) == light
    assert light_ground(images[:, ::-1]) == light
    assert light_ground(np.swapaxes(images, 1, 2)) == light
    assert light_ground(np.concatenate([images, images])) == light
    if images.shape[3] == 1:
        assert light_ground(images.repeat(3, axis=3)) == light


def test_a_bright_border_alone_or_bright_objects_do_not_make_a_light_ground():
    photograph = np.full((1, 20, 20, 1), 230, np.uint8)
    photograph[:, 2:-2, 2:-2] = np.linspace(0, 160, 16).astype(np.uint8)[:, None]
    assert not light_ground(photograph)
    lamps = np.full((1, 20, 20, 1), 140, np.uint8)
    lamps[:, 5:9, 5:9] = 255
    assert not light_ground(lamps)
    assert light_ground(np.full((1, 5, 5, 1), 255, np.uint8))


def signed(images):
    """From -1 (darker) to 1 (brighter)."""
    found = polarity(images)
    return -found.confidence if found.darker else found.confidence


@given(images=ANY)
def test_the_negative_has_the_opposite_polarity_and_confidence_is_at_most_one(images):
    assert 0 <= polarity(images).confidence <= 1
    assert signed(255 - images) == pytest.approx(-signed(images), abs=1e-3)


def discs(level, contrast, radius, n, noise=0.02, side=160, seed=0):
    """Discs with a soft edge on an uneven background, grey."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:side, :side]
    image = level + 0.1 * (xx - side / 2) / side + noise * rng.normal(size=(side, side))
    for y, x in rng.uniform(0, side, (n, 2)):
        image += contrast / (1 + np.exp(np.hypot(yy - y, xx - x) - radius))
    return np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)[None, ..., None]


@pytest.mark.parametrize("contrast", [0.15, -0.15])
@pytest.mark.parametrize("level", [0.35, 0.5, 0.65])
@pytest.mark.parametrize(("radius", "n"), [(2, 60), (6, 20), (6, 100), (15, 4)])
def test_compact_objects_tell_on_any_background_even_where_they_are_most_of_the_image(level, contrast, radius, n):
    found = polarity(discs(level, contrast, radius, n))
    assert found.sure
    assert found.darker == (contrast < 0)


def test_bright_objects_on_a_light_background_are_not_inverted():
    """As colonies on agar, of which most pixels are in the upper half of the range."""
    plate = discs(0.62, 0.3, 4, 40)
    assert signed(plate) > 0.3
    assert not light_ground(plate)


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_colours_of_one_lightness_leave_it_open(seed):
    rng = np.random.default_rng(seed)
    assert not polarity(rng.integers(256, size=(3, 64, 64, 1), dtype=np.uint8)).sure
    mask = discs(0, 1, 8, 12, noise=0, seed=seed)[..., 0].astype(int) // 4
    tinted = np.stack([128 + mask, 128 - mask, np.full_like(mask, 128)], axis=-1).astype(np.uint8)
    assert not polarity(tinted).sure
    assert not polarity(np.full((2, 20, 20, 1), 128, np.uint8)).sure


def test_large_images_are_looked_at_in_parts_that_tell_the_same(monkeypatch):
    images = np.tile(discs(0.6, -0.2, 5, 30), (2, 3, 3, 1))
    monkeypatch.setattr("attend.data.ground.WINDOW", 160)
    monkeypatch.setattr("attend.data.ground.WINDOWS_PIXELS", 3 * 160**2)
    assert signed(images) == pytest.approx(signed(images[:1, :160, :160]), abs=0.1)
