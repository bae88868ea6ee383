import equinox as eqx
import jax
import numpy as np
import pytest
import tiny

from attend.baselines import Autoencoder, autoencoder_loss
from attend.data import SceneData
from attend.errors import AttendError
from attend.experiments import runs
from attend.experiments.runs import train_baseline, train_model, trained_seconds

DATA = SceneData((255 * tiny.images(32)).astype(np.uint8))


def same(a, b) -> bool:
    return bool(eqx.tree_equal(eqx.filter(a, eqx.is_array), eqx.filter(b, eqx.is_array)))


def never(*_, **__):
    raise AssertionError("trained again")


def small_autoencoder() -> Autoencoder:
    return Autoencoder(tiny.SIZE, latent=3, key=jax.random.key(0))


def test_a_finished_model_is_used_again(settings, monkeypatch):
    model = train_model(settings, "a", DATA, tiny.config(), 0)
    monkeypatch.setattr("attend.training.Advance.__call__", never)
    assert same(train_model(settings, "a", DATA, tiny.config(), 0), model)
    assert trained_seconds(settings.runs) > 0


def test_an_interrupted_model_goes_on_to_the_same_end(settings, monkeypatch):
    whole = train_model(settings, "whole", DATA, tiny.config(), 0)
    with monkeypatch.context() as patch:
        # A training that stopped before its first checkpoint leaves the folder and its configuration.
        patch.setattr("attend.fitting.train", never)
        with pytest.raises(AssertionError):
            train_model(settings, "cut", DATA, tiny.config(), 0)
    assert (settings.runs / "cut" / "config.json").exists()
    assert same(train_model(settings, "cut", DATA, tiny.config(), 0), whole)


@pytest.mark.parametrize("change", ["steps", "learning_rate", "seed"])
def test_a_model_of_other_settings_is_refused(settings, change):
    train_model(settings, "a", DATA, tiny.config(), 0)
    changes = {"steps": {"steps": 5}, "learning_rate": {"learning_rate": 0.5}, "seed": {}}
    config, seed = tiny.config(**changes[change]), int(change == "seed")
    with pytest.raises(AttendError, match=f"{change}: is "):
        train_model(settings, "a", DATA, config, seed)


def test_a_finished_baseline_is_used_again(settings, monkeypatch):
    arguments = (settings, "b", small_autoencoder(), autoencoder_loss, DATA.images)
    module = train_baseline(*arguments, steps=6, seed=0, batch_size=4)
    assert not same(module, small_autoencoder())
    monkeypatch.setattr(runs, "fit_baseline", never)
    assert same(train_baseline(*arguments, steps=6, seed=0, batch_size=4), module)
    with pytest.raises(AttendError, match="other settings"):
        train_baseline(*arguments, steps=7, seed=0, batch_size=4)


def test_an_interrupted_baseline_starts_again(settings):
    arguments = (settings, "b", small_autoencoder(), autoencoder_loss, DATA.images)
    module = train_baseline(*arguments, steps=6, seed=0, batch_size=4)
    (settings.runs / "b" / "weights.npz").unlink()
    assert same(train_baseline(*arguments, steps=6, seed=0, batch_size=4), module)


def test_a_folder_that_is_no_run_is_left_alone(settings):
    (settings.runs / "b").mkdir(parents=True)
    (settings.runs / "b" / "letter.txt").write_text("dear")
    with pytest.raises(AttendError, match="not a run folder"):
        train_baseline(settings, "b", small_autoencoder(), autoencoder_loss, DATA.images, steps=6, seed=0, batch_size=4)
    assert (settings.runs / "b" / "letter.txt").read_text() == "dear"
