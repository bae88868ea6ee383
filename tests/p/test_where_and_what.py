"""How a renderer describes where and what its objects are."""

import jax.numpy as jnp
import numpy as np
import pytest

from attend.p import Code, Windows

NUMBERS = jnp.array([[-50.0, 0, 0, 0, 0, 0], [0.0, 0, 0, 0, 0, 0], [50.0, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize("reach", [0.5, 2.0])
def test_sizes_stay_within_reach_of_the_usual_one(reach):
    windows = Windows(0.3, 0.2, 0.6, reach)
    point = jnp.zeros(2)
    for said in (windows.anywhere, lambda numbers: windows.at(point, point + 1, numbers)):
        scales = [float(windows.posterior(said(numbers)).mode[0]) for numbers in NUMBERS]
        np.testing.assert_allclose(scales, 0.3 * np.exp(0.2 * reach * np.array([-1, 0, 1])), rtol=1e-5)


def test_without_a_reach_sizes_are_free_and_small_changes_are_the_same():
    free, bound = Windows(0.3, 0.2, 0.6), Windows(0.3, 0.2, 0.6, 3.0)
    assert float(free.posterior(free.anywhere(NUMBERS[2] / 25)).mode[0]) == pytest.approx(0.3 * np.exp(2), rel=1e-5)
    little = NUMBERS[2] / 5000
    np.testing.assert_allclose(free.anywhere(little)[0], bound.anywhere(little)[0], atol=1e-5)


def test_names_tell_colour_and_shape_apart_only_where_the_code_does():
    assert Code(2).names == ("what_0", "what_1")
    assert Code(3, 1).names == ("colour_0", "shape_0", "shape_1")
