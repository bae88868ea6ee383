"""Photometry: noise, background and contrast are those that went into the image."""

import numpy as np
import pytest
from scipy import ndimage

from attend.photometry import (
    background,
    enlarged_part,
    noise_level,
    resample,
    seen,
    shrunken,
    spread_about,
    unevenness,
    usual_contrast,
)


def _discs(rng, side=256, diameter=16, n=30, contrast=0.3):
    rows, columns = np.mgrid[:side, :side]
    image = np.zeros((side, side))
    for y, x in rng.uniform(0, side, (n, 2)):
        image = np.maximum(image, contrast * (np.hypot(rows - y, columns - x) < diameter / 2))
    return image


@pytest.mark.parametrize("sd", [0.01, 0.1])
def test_noise_level_is_that_of_the_noise_whatever_objects_and_light_do(sd):
    rng = np.random.default_rng(0)
    light = np.linspace(0, 1, 256)[:, None] ** 2
    image = light + _discs(rng) + sd * rng.normal(size=(256, 256))
    assert noise_level(image) == pytest.approx(sd, rel=0.1)


def test_background_follows_uneven_light_below_bright_objects():
    rng = np.random.default_rng(1)
    light = 0.2 + 0.5 * np.linspace(0, 1, 256)[:, None] * np.linspace(1, 0.5, 256)
    image = light + _discs(rng, n=60) + 0.01 * rng.normal(size=(256, 256))
    coarse, first = background(shrunken(image, 4), 4.0)
    around = enlarged_part(coarse, image.shape, (slice(0, 256), slice(0, 256)))
    spread = spread_about([image], [around], first)
    assert np.abs(around - light).max() < 0.06
    assert np.abs(around - light).mean() < 0.01
    assert 0.005 < spread < 0.03


def test_the_spread_differs_between_blocks_only_where_it_clearly_does():
    rng = np.random.default_rng(6)
    alike = 0.1 * np.exp(0.1 * rng.normal(size=(10, 10)))
    assert unevenness(alike, 0.1) is None
    assert unevenness(np.zeros((1, 2)), 0.1) is None
    alike[:, 5:] *= 5
    alike[2, 2] = 0
    uneven = unevenness(alike, 0.2)
    assert uneven is not None
    np.testing.assert_allclose(uneven[:, 5:], 2.5, rtol=0.3)
    np.testing.assert_allclose(uneven[:, :5], 0.5, rtol=0.3)


def test_usual_contrast_is_that_of_the_objects():
    rng = np.random.default_rng(2)
    image = _discs(rng, contrast=0.3) + 0.01 * rng.normal(size=(256, 256))
    assert usual_contrast([image], 0.01) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("factor", [0.3, 0.7, 1.0, 2.5])
def test_resampling_keeps_the_mean_and_scales_the_sides(factor):
    plane = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(90, 120)), 4)
    scaled = resample(plane, factor)
    assert scaled.shape == (round(90 * factor), round(120 * factor))
    assert scaled.mean() == pytest.approx(plane.mean(), abs=0.02)


def test_what_q_sees_is_1_where_the_usual_object_is():
    contrast = np.zeros((64, 64))
    contrast[20:34, 20:34] = 1
    view = seen(contrast, 0.1)
    assert view.shape == (64, 64, 2)
    np.testing.assert_allclose(view[27, 27, 0], 1, atol=1e-6)
    np.testing.assert_allclose(view[0, 0, 0], 0, atol=1e-6)
    assert view[27, 27, 1] > 0.3 > view[0, 0, 1]
