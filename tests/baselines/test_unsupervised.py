import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend.baselines import VAE, Autoencoder, Draw, autoencoder_loss, elbo_loss, fit_baseline
from attend.baselines.autoencoder import depth_to_space
from attend.errors import AttendError
from attend.networks import space_to_depth
from attend.training import RunFolder

SIZE = (13, 18, 1)  # no multiple of the convolutions' blocks, and not square


def make(name: str) -> eqx.Module:
    key = jax.random.key(0)
    return {
        "draw": lambda: Draw(SIZE, steps=2, patch=5, hidden=32, latent=8, key=key),
        "vae": lambda: VAE(SIZE, hidden=(32,), latent=8, key=key),
        "autoencoder": lambda: Autoencoder(SIZE, latent=8, key=key),
    }[name]()


LOSSES = {"draw": elbo_loss, "vae": elbo_loss, "autoencoder": autoencoder_loss}
every_baseline = pytest.mark.parametrize("name", LOSSES)


def squares(n: int = 64) -> np.ndarray:
    """Black images with one white square each."""
    generator = np.random.default_rng(0)
    images = np.zeros((n, *SIZE), np.uint8)
    for image, y, x in zip(images, generator.integers(0, 9, n), generator.integers(0, 14, n), strict=True):
        image[y : y + 4, x : x + 4] = 255
    return images


def fit(name: str, steps: int, **options) -> eqx.Module:
    options |= {"steps": steps, "batch_size": 32, "learning_rate": 1e-2, "progress": False}
    return fit_baseline(make(name), LOSSES[name], squares(), **options)


@pytest.mark.slow
@every_baseline
def test_training_moves_every_parameter_and_beats_painting_the_mean_image(name):
    module, images = fit(name, 200), jnp.asarray(squares())
    for before, after in zip(jax.tree.leaves(make(name)), jax.tree.leaves(module), strict=True):
        assert bool(jnp.isfinite(after).all())
        assert bool((before != after).any())
    mean = jnp.mean(images / 255, axis=0)
    of_the_mean = -jnp.mean(jnp.sum(jax.scipy.stats.norm.logpdf(images / 255, mean, 0.3), axis=(1, 2, 3)))
    loss, _ = eqx.filter_jit(LOSSES[name])(module, images, jax.random.key(1), 0)
    assert float(loss) < float(of_the_mean) - 20  # nats an image


def test_training_repeats_bit_for_bit_and_writes_its_run(tmp_path):
    module = fit("vae", 20, run=tmp_path / "run")
    for x, y in zip(jax.tree.leaves(module), jax.tree.leaves(fit("vae", 20)), strict=True):
        np.testing.assert_array_equal(x, y)
    run = RunFolder(tmp_path / "run")
    assert run.config()["baseline"] == "VAE"
    assert run.metrics()[-1]["step"] == run.checkpoints.steps()[-1] == 20
    with pytest.raises(AttendError, match="holds a run already"):
        fit("vae", 20, run=tmp_path / "run")


@every_baseline
def test_code_and_reconstruction_are_deterministic_and_take_bytes_and_floats(name):
    module, images = make(name), squares(5)
    code, painted = module.code(images), module.reconstruct(images)
    assert code.shape == (5, 16 if name == "draw" else 8)
    assert painted.shape == images.shape
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert isinstance(code, np.ndarray)
    np.testing.assert_array_equal(module.code(images), code)
    np.testing.assert_allclose(module.code(images[..., 0].astype(np.float32) / 255), code, atol=1e-5)
    with pytest.raises(AttendError, match=r"images: are 13x13x1 .* knows 13x18x1"):
        module.code(images[:, :, :13])


@pytest.mark.parametrize("name", ["draw", "vae"])
def test_the_elbo_is_the_likelihood_less_the_kl(name):
    """Where q is the prior and the painting ignores the latent, the bound is the likelihood itself."""
    module = make(name)
    head, painter = {
        "draw": (lambda m: m.infer, lambda m: m.paint),
        "vae": (lambda m: m.encoder.layers[-1], lambda m: m.decoder.layers[-1]),
    }[name]
    for part in (head, painter):
        module = eqx.tree_at(part, module, replace_fn=lambda layer: jax.tree.map(jnp.zeros_like, layer))
    image = jnp.asarray(squares(1)[0] / 255, jnp.float32)
    painted = jnp.full(SIZE, jax.nn.sigmoid(-2.0))
    expected = jnp.sum(jax.scipy.stats.norm.logpdf(image, painted, 0.3))
    assert float(module.elbo(image, jax.random.key(3))) == pytest.approx(float(expected), rel=1e-4)


def test_depth_to_space_is_the_inverse_of_space_to_depth():
    image = jax.random.normal(jax.random.key(0), (13, 18, 3))
    np.testing.assert_array_equal(depth_to_space(space_to_depth(image, 4), 4, (13, 18, 3)), image)


def test_bad_settings_are_named():
    for options in ({"steps": 0}, {"steps": 5, "learning_rate": -1.0}, {"steps": 5, "batch_size": 65}):
        with pytest.raises(AttendError, match=list(options)[-1]):
            fit_baseline(make("vae"), elbo_loss, squares(), **options)
