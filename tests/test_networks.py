import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend.networks import Convolution, Dense, space_to_depth


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 1, 0), (3, 2, 1), (3, 1, 1), (1, 1, 0)])
@pytest.mark.parametrize("size", [(7, 5), (6, 8)])
def test_a_convolution_is_xlas(kernel, stride, padding, size):
    ours = Convolution(3, 4, kernel, stride=stride, padding=padding, key=jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (*size, 3))
    expected = jax.lax.conv_general_dilated(
        x[None],
        ours.weight.reshape(kernel, kernel, 3, 4),
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )[0]
    np.testing.assert_allclose(eqx.filter_jit(ours)(x), expected + ours.bias, atol=1e-5)


def test_blocks_hold_every_pixel_once_and_pad_with_zeros():
    image = jnp.arange(1, 5 * 6 * 2 + 1.0).reshape(5, 6, 2)
    blocks = space_to_depth(image, 4)
    assert blocks.shape == (2, 2, 32)
    np.testing.assert_array_equal(blocks[0, 0].reshape(4, 4, 2), image[:4, :4])
    np.testing.assert_array_equal(blocks[1, 1].reshape(4, 4, 2)[:1, :2], image[4:, 4:])
    assert sorted(blocks[blocks > 0].tolist()) == image.ravel().tolist()


def test_dense_is_rectified_between_layers_and_linear_at_the_end():
    dense = Dense([2, 3, 1], key=jax.random.key(0))
    first, last = dense.layers
    x = jnp.array([1.0, -2.0])
    hidden = np.maximum(np.asarray(first.weight) @ x + first.bias, 0)
    np.testing.assert_allclose(dense(x), np.asarray(last.weight) @ hidden + last.bias, rtol=1e-5)
    assert len(Dense([2, 3, 4, 1], key=jax.random.key(0)).layers) == 3
