"""Configurations as version 0.1 stored them, word for word."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tiny

import attend
from attend.config import Config, ModelConfig, preset
from attend.earlier import two_prices
from attend.errors import AttendError
from attend.experiments.hard_scenes import WORLDS
from attend.files import read_npz, write_npz
from attend.fitting import Header
from attend.model import Model

DEFAULT = """{
  "model": {"max_objects": 3, "count": "presence", "count_price": 0.0, "count_passes": 1, "cell": "glance",
    "cell_widths": [24, 48, 48], "saliency": 0.0, "renderer": "patch", "background": "none", "background_code": 8,
    "background_scale": 1.0, "background_corrections": 0, "what": 50, "glimpse": 24, "scale": 0.45, "scale_sd": 0.2,
    "scale_reach": 0.0, "place_sd": 0.6, "pixel_sd": 0.3, "pixel_covariance": "isotropic", "pixel_dof": 0.0,
    "pixel_dof_parts": 1, "encoder_widths": [256, 256], "decoder_widths": [400], "decoder_bias": -2.0},
  "train": {"estimator": "exact", "samples": 1, "steps": 10000, "batch_size": 64, "learning_rate": 0.002,
    "baseline_learning_rate": 0.001, "warmup_steps": 100, "decay": "cosine", "clip_norm": 10.0,
    "count_log_odds_start": 6.9, "count_log_odds_end": -13.8, "count_anneal_steps": 2000, "corrections_from": 0,
    "corrections_anneal_steps": 1000}
}"""
PAPER = """{
  "model": {"max_objects": 3, "count": "presence", "count_price": 0.0, "count_passes": 1, "cell": "lstm",
    "cell_widths": [256], "saliency": 0.0, "renderer": "patch", "background": "none", "background_code": 8,
    "background_scale": 1.0, "background_corrections": 0, "what": 50, "glimpse": 20, "scale": 0.45, "scale_sd": 0.2,
    "scale_reach": 0.0, "place_sd": 0.6, "pixel_sd": 0.3, "pixel_covariance": "isotropic", "pixel_dof": 0.0,
    "pixel_dof_parts": 1, "encoder_widths": [200], "decoder_widths": [200], "decoder_bias": -2.0},
  "train": {"estimator": "nvil", "samples": 1, "steps": 100000, "batch_size": 64, "learning_rate": 0.0001,
    "baseline_learning_rate": 0.001, "warmup_steps": 0, "decay": "none", "clip_norm": 0.0,
    "count_log_odds_start": 6.9, "count_log_odds_end": -13.8, "count_anneal_steps": 2000, "corrections_from": 0,
    "corrections_anneal_steps": 1000}
}"""
PHOTOGRAPHS = """{
  "model": {"max_objects": 3, "count": "posterior", "count_price": 250.0, "count_passes": 16, "cell": "glance",
    "cell_widths": [24, 48, 48], "saliency": 2.0, "renderer": "flat", "background": "learned", "background_code": 128,
    "background_scale": 0.2, "background_corrections": 2, "what": 50, "glimpse": 24, "scale": 0.45, "scale_sd": 0.2,
    "scale_reach": 1.0, "place_sd": 0.6, "pixel_sd": 0.1, "pixel_covariance": "full", "pixel_dof": 500.0,
    "pixel_dof_parts": 2, "encoder_widths": [256, 256], "decoder_widths": [400], "decoder_bias": -2.0},
  "train": {"estimator": "wake", "samples": 1, "steps": 9000, "batch_size": 64, "learning_rate": 0.002,
    "baseline_learning_rate": 0.001, "warmup_steps": 100, "decay": "cosine", "clip_norm": 10.0,
    "count_log_odds_start": 6.9, "count_log_odds_end": -250.0, "count_anneal_steps": 1500, "corrections_from": 4500,
    "corrections_anneal_steps": 1000}
}"""
TINY = """{"max_objects": 2, "count": "presence", "count_price": 0.0, "count_passes": 1, "cell": "lstm",
  "cell_widths": [6], "saliency": 0.0, "renderer": "patch", "background": "none", "background_code": 8,
  "background_scale": 1.0, "background_corrections": 0, "what": 2, "glimpse": 4, "scale": 0.45, "scale_sd": 0.2,
  "scale_reach": 0.0, "place_sd": 0.6, "pixel_sd": 0.3, "pixel_covariance": "isotropic", "pixel_dof": 0.0,
  "pixel_dof_parts": 1, "encoder_widths": [5], "decoder_widths": [5], "decoder_bias": -2.0}"""
IMAGES = tiny.images(12)


def test_presets_and_experiments_of_then_are_those_of_now():
    assert Config.from_dict(json.loads(DEFAULT)) == preset("default")
    assert Config.from_dict(json.loads(PAPER)) == preset("paper")
    now = preset("default").replace(**WORLDS["photographs"].full.model)
    assert Config.from_dict(json.loads(PHOTOGRAPHS)) == now


def test_settings_of_entries_that_were_not_chosen_meant_nothing():
    values = json.loads(DEFAULT)
    values["model"] |= {"background_code": 5, "pixel_dof_parts": 4}
    values["train"] |= {"samples": 1, "baseline_learning_rate": 0.5}
    assert Config.from_dict(values) == preset("default")
    del values["model"]["scale"], values["model"]["count_price"], values["train"]["samples"]  # as still earlier
    assert Config.from_dict(values) == preset("default")


@pytest.mark.parametrize(
    ("section", "name", "value", "line"),
    [
        ("model", "glimpze", 3, r"^model\.glimpze: is no setting"),
        ("model", "what", "many", r"^model\.renderer\.what: is 'many'; it must be of type int"),
        ("model", "pixel_sd", -1.0, r"^model\.likelihood\.pixel_sd: is -1\.0; it must be above 0"),
        ("train", "count_log_odds_end", "low", r"^model\.count_price: is 'low'; it must be of type float"),
        ("model", "renderer", "nerf", "^renderer: 'nerf' is unknown"),
    ],
)
def test_what_is_wrong_in_them_is_refused_by_name(section, name, value, line):
    values = json.loads(DEFAULT)
    values[section][name] = value
    with pytest.raises(AttendError, match=line):
        Config.from_dict(values)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run half done, its config.json as it would have been stored then."""
    path = tmp_path_factory.mktemp("runs") / "run"
    config = tiny.config(decay="none")
    attend.fit(IMAGES, config=config, run=path, progress=False)
    train = json.loads(DEFAULT)["train"] | {"steps": 8, "batch_size": 4, "warmup_steps": 2, "decay": "none"}
    stored = json.loads((path / "config.json").read_text())
    stored["config"] = {"model": json.loads(TINY), "train": train}
    (path / "config.json").write_text(json.dumps(stored))
    assert Header.read(path).config == config
    return path


def test_a_run_of_then_is_read_and_goes_on_and_is_then_stored_as_now(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    images = IMAGES[:2]
    before = attend.load(run).infer(images)
    longer = attend.fit(IMAGES, run=tmp_path / "run", resume=True, steps=10, progress=False)
    fresh = attend.fit(IMAGES, config=tiny.config(decay="none", steps=10), progress=False)
    np.testing.assert_array_equal(longer.infer(images).where, fresh.infer(images).where)
    np.testing.assert_array_equal(attend.load(run).infer(images).where, before.where)
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (stored["model"]["renderer"]["name"], stored["model"]["renderer"]["what"]) == ("patch", 2)
    assert "what" not in stored["model"]
    assert Config.from_dict(stored) == tiny.config(decay="none", steps=10)


def test_a_model_of_then_is_read(tmp_path):
    model = tiny.model()
    model.save(tmp_path / "now.npz")
    arrays = read_npz(tmp_path / "now.npz")
    arrays["attend"] = np.array(json.dumps({"model": json.loads(TINY), "size": tiny.SIZE}))
    write_npz(tmp_path / "then.npz", arrays)
    read = Model.load(tmp_path / "then.npz")
    assert read.config == model.config
    np.testing.assert_array_equal(read.infer(IMAGES).where, model.infer(IMAGES).where)


def test_what_a_model_knows_of_its_training_does_not_keep_it_from_being_read():
    settings = {"background": "learned", "corrections": 1, "corrections_from": 50_000, "steps": 60_000}
    config = Config().replace(**settings).model
    assert ModelConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_a_price_of_counting_that_was_not_that_of_training_is_kept_but_such_a_training_does_not_go_on(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    stored = json.loads((run / "config.json").read_text())
    assert two_prices(stored["config"]) is None
    stored["config"]["model"] |= {"count": "posterior", "count_price": 5.0}
    assert two_prices(stored["config"]) == (13.8, 5.0)
    (tmp_path / "run" / "config.json").write_text(json.dumps(stored))
    assert attend.load(tmp_path / "run").config.count_price == 5.0
    with pytest.raises(AttendError, match=r"an object cost 13\.8 nats in its training and costs 5\.0 in counting"):
        attend.fit(IMAGES, run=tmp_path / "run", resume=True, steps=10, progress=False)
