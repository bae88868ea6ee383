import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from scipy import stats

from attend.errors import AttendError
from attend.geometry import place
from attend.p import PixelGaussian, PixelStudent, Renderer, generative, renderers


@pytest.fixture(scope="module")
def p():
    return tiny.model().p


@pytest.mark.parametrize("sd", [0.1, 0.3, 2.0])
def test_the_pixel_likelihood_is_scipys_normal_constants_included(sd):
    image = tiny.images(1)[0]
    canvases = tiny.images(3, seed=1)
    expected = stats.norm(canvases.astype(float), sd).logpdf(image).sum(axis=(1, 2, 3))
    likelihood = PixelGaussian(sd)
    np.testing.assert_allclose(likelihood.log_prob(jnp.asarray(image), jnp.asarray(canvases)), expected, rtol=1e-5)
    assert float(likelihood.log_prob(jnp.asarray(image), jnp.asarray(canvases[0]))) == pytest.approx(
        expected[0], rel=1e-5
    )


def test_a_full_covariance_is_scipys_multivariate_normal_of_that_volume():
    factor = jnp.array([[0.7, 5.0, 5.0], [-0.8, 0.1, 5.0], [0.3, -0.5, -0.2]])  # above the diagonal nothing counts
    likelihood = PixelGaussian(0.2, factor)
    inverse = np.asarray(likelihood.whitening, float)
    assert np.linalg.det(inverse) == pytest.approx(1.0, rel=1e-5)
    covariance = 0.2**2 * np.linalg.inv(inverse.T @ inverse)
    image, canvases = np.random.default_rng(0).random((4, 5, 6, 3)), np.random.default_rng(1).random((4, 5, 6, 3))
    expected = stats.multivariate_normal(np.zeros(3), covariance).logpdf(image[0] - canvases).sum(axis=(1, 2))
    values = likelihood.log_prob(jnp.asarray(image[0]), jnp.asarray(canvases))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    fresh = PixelGaussian(0.2, jnp.zeros((3, 3))).log_prob(jnp.asarray(image[0]), jnp.asarray(canvases))
    np.testing.assert_allclose(fresh, PixelGaussian(0.2).log_prob(jnp.asarray(image[0]), jnp.asarray(canvases)))


@pytest.mark.parametrize("dof", [3.0, 1000.0])
def test_a_level_of_each_images_own_makes_it_scipys_multivariate_t(dof):
    factor = jnp.array([[0.7, 0.0, 0.0], [-0.8, 0.1, 0.0], [0.3, -0.5, -0.2]])
    likelihood = PixelStudent(0.2, factor, dof=dof)
    inverse = np.asarray(likelihood.whitening, float)
    shape = np.kron(np.eye(20), 0.2**2 * np.linalg.inv(inverse.T @ inverse))
    image, canvases = np.random.default_rng(0).random((4, 5, 3)), np.random.default_rng(1).random((6, 4, 5, 3))
    expected = stats.multivariate_t(np.zeros(60), shape, dof).logpdf((image - canvases).reshape(6, 60))
    np.testing.assert_allclose(likelihood.log_prob(jnp.asarray(image), jnp.asarray(canvases)), expected, rtol=1e-4)
    many = PixelStudent(0.2, factor, dof=1e6).log_prob(jnp.asarray(image), jnp.asarray(canvases))
    normal = PixelGaussian(0.2, factor).log_prob(jnp.asarray(image), jnp.asarray(canvases))
    np.testing.assert_allclose(many, normal, rtol=1e-3)


def test_parts_of_an_image_that_have_a_level_each_are_independent():
    image, canvases = np.random.default_rng(0).random((7, 8, 3)), np.random.default_rng(1).random((6, 7, 8, 3))
    expected = np.zeros(6)
    for rows in np.split(np.arange(7), [3, 5]):  # three parts of 7 pixels, of 3, 2 and 2
        for columns in np.split(np.arange(8), [3, 6]):
            at = np.ix_(rows, columns)
            difference = (image[at] - canvases[:, *at]).reshape(6, -1)
            size = difference.shape[1]
            expected += stats.multivariate_t(np.zeros(size), 0.2**2 * np.eye(size), 30.0).logpdf(difference)
    likelihood = PixelStudent(0.2, dof=30.0, parts=3)
    np.testing.assert_allclose(likelihood.log_prob(jnp.asarray(image), jnp.asarray(canvases)), expected, rtol=1e-4)


def test_the_covariance_that_fits_noise_is_the_one_it_was_drawn_with():
    true = np.array([[4.0, 3.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, 0.25]])
    noise = jnp.asarray(np.random.default_rng(0).multivariate_normal(np.zeros(3), true, (40, 50)))

    def loss(factor):
        return -PixelGaussian(1.0, factor).log_prob(noise, jnp.zeros_like(noise)) / noise.size

    factor = jnp.zeros((3, 3))
    for _ in range(300):
        factor -= 0.1 * jax.grad(loss)(factor)
    whitening = np.asarray(PixelGaussian(1.0, factor).whitening)
    white = whitening @ true @ whitening.T
    np.testing.assert_allclose(white, np.linalg.det(true) ** (1 / 3) * np.eye(3), atol=0.1)


def test_a_scene_starts_black_and_grows_by_one_placed_patch_at_a_time(p):
    renderer = p.renderer
    assert isinstance(renderer, Renderer)
    where, what = jnp.array([0.5, 0.1, -0.2]), jnp.array([1.0, -2.0])
    state = renderer.empty()
    np.testing.assert_array_equal(renderer.canvas(state), np.zeros(tiny.SIZE))
    patch = renderer.patch(what)
    assert 0 <= patch.min() <= patch.max() <= 1
    layer, other_layer = renderer.layer(where, what), renderer.layer(-where.at[0].set(-0.3), -what)
    state = renderer.add(state, layer)
    np.testing.assert_allclose(renderer.canvas(state), place(patch, where, tiny.SIZE[:2]), atol=1e-6)
    other = renderer.add(state, other_layer)
    swapped = renderer.add(renderer.add(renderer.empty(), other_layer), layer)
    np.testing.assert_allclose(renderer.canvas(other), renderer.canvas(swapped), atol=1e-6)


@pytest.mark.parametrize("size", [(8, 8, 3), (6, 10, 1)])
def test_it_draws_scenes_of_any_size_and_as_many_objects_as_p_says(size):
    p = generative(tiny.model_config(), size, key=jax.random.key(0))
    p = eqx.tree_at(lambda p: p.count, p, jnp.log(jnp.array([0.2, 0.7, 0.1])))
    canvases, counts = jax.jit(jax.vmap(p.sample))(jax.random.split(jax.random.key(0), 2000))
    assert canvases.shape == (2000, *size)
    assert stats.chisquare(np.bincount(counts, minlength=3), 2000 * np.array([0.2, 0.7, 0.1])).pvalue > 0.001
    painted = np.abs(canvases).sum(axis=(1, 2, 3))
    assert (painted[counts == 0] == 0).all()
    assert np.median(painted[counts == 2]) > np.median(painted[counts == 1]) > 0


def test_an_unknown_renderer_is_refused_with_the_known_ones():
    with pytest.raises(AttendError, match=r"renderer: 'nerf' is unknown; it must be one of .*patch"):
        generative(tiny.model_config(renderer="nerf"), tiny.SIZE, key=jax.random.key(0))
    assert "patch" in renderers
