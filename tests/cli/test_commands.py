import dataclasses
import importlib
import json

import jax
import numpy as np
import pytest
from PIL import Image

import attend as package
from attend.config import Config
from attend.data import SceneData
from attend.evaluation.report import KEYS
from attend.scenes import Scenes
from attend.training import RunFolder


def _size(path):
    with Image.open(path) as image:
        image.load()
        return image.size


def test_data_writes_a_scenes_file(attend, tmp_path):
    words = ["--n", "10", "--counts", "1", "3", "--canvas", "64", "--size", "10", "12", "--split", "test"]
    status, out, _ = attend("data", "digits", "--out", tmp_path / "s.npz", *words)
    scenes = SceneData.load(tmp_path / "s.npz")
    assert status == 0
    assert "10 scenes of 64x64x1" in out
    assert scenes.image_shape == (64, 64, 1)
    assert set(scenes.counts) <= {1, 3}
    assert scenes.boxes[..., 2:].max() <= 12


def test_data_depends_on_the_seed_alone(attend, tmp_path):
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        assert attend("data", "digits", "--out", tmp_path / f"{name}.npz", "--n", "5", "--seed", seed)[0] == 0
    a, b, c = (SceneData.load(tmp_path / f"{name}.npz").images for name in "abc")
    assert (a == b).all()
    assert (a != c).any()


def test_train_stores_every_setting(run_folder, tiny_flags):
    stored = RunFolder(run_folder)
    config = Config.from_dict(stored.config()["config"])
    assert config.train.steps == 20
    assert config.model == config.replace(cell="lstm", cell_widths=(16,)).model
    assert stored.checkpoints.steps() == [20]
    assert "count_accuracy" in stored.metrics()[-1]


def test_a_preset_is_what_the_flags_change(attend, scenes_file, tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(package, "fit", lambda scenes, **arguments: asked.update(arguments))
    words = ["--preset", "paper", "--steps", "9", "--model.cell.widths", "8", "--train.batch-size", "4", "--seed", "5"]
    assert attend("train", scenes_file, "--out", tmp_path / "run", *words)[0] == 0
    settings = {"steps": 9, "cell_widths": (8,), "batch_size": 4}
    assert asked["config"] == package.PRESETS["paper"].replace(**settings, count_anneal_steps=4)
    assert asked["seed"] == 5


def test_flags_choose_entries_and_say_their_settings_in_any_order(attend, scenes_file, tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(package, "fit", lambda scenes, **arguments: asked.update(arguments))
    words = ["--model.renderer.what", "9", "--model.renderer", "flat", "--train.estimator=iw"]
    words += ["--train.estimator.samples=3", "--model.background", "learned", "--model.background.code", "4"]
    assert attend("train", scenes_file, "--out", tmp_path / "run", "--preset", "default", *words)[0] == 0
    chosen = {"renderer": "flat", "what": 9, "estimator": "iw", "samples": 3, "background": "learned", "code": 4}
    assert asked["config"] == Config().replace(**chosen, batch_size=asked["config"].train.batch_size)


def test_resumed_training_equals_uninterrupted_bit_for_bit(attend, scenes_file, run_folder, tiny_flags, tmp_path):
    out, whole, decay = tmp_path / "run", tmp_path / "whole", ["--train.decay", "none"]
    assert attend("train", scenes_file, "--out", whole, *tiny_flags, *decay, "--seed", "3")[0] == 0
    assert attend("train", scenes_file, "--out", out, *tiny_flags, *decay, "--seed", "3", "--train.steps", "8")[0] == 0
    assert attend("train", scenes_file, "--out", out, "--resume", "--steps", "20")[0] == 0
    package.load(whole).save(tmp_path / "whole.npz")
    package.load(out).save(tmp_path / "resumed.npz")
    with np.load(tmp_path / "whole.npz") as a, np.load(tmp_path / "resumed.npz") as b:
        assert a.files == b.files
        assert all(np.array_equal(a[name], b[name]) for name in a.files)


def test_the_same_command_with_resume_is_accepted(attend, scenes_file, tiny_flags, tmp_path):
    words = ["train", scenes_file, "--out", tmp_path / "run", "--preset", "default", *tiny_flags, "--seed", "1"]
    assert attend(*words)[0] == 0
    assert attend(*words, "--resume")[0] == 0


def test_a_path_holds_scenes_out_for_validation(scenes_file, squares):
    training_data = importlib.import_module("attend.cli.train")._training_data
    arguments = importlib.import_module("attend.cli.arguments")
    scenes, validation = training_data(str(scenes_file), None, 0, arguments.Compose(), arguments.TrainingFiles(), None)
    assert (len(scenes), len(validation)) == (61, 3)
    assert (np.concatenate([scenes.images, validation.images]) == squares.images).all()


def test_infer_writes_coco(attend, run_folder, scenes_file, tmp_path):
    status, out, _ = attend("infer", run_folder, scenes_file, "--out", tmp_path / "new" / "found.json", "--n", "9")
    coco = json.loads((tmp_path / "new" / "found.json").read_text())
    assert status == 0
    assert len(coco["images"]) == 9
    assert f"{len(coco['annotations'])} objects in 9 images" in out
    assert sum(image["count"] for image in coco["images"]) == len(coco["annotations"])
    for annotation in coco["annotations"]:
        assert 0 <= annotation["score"] <= 1
        assert len(annotation["bbox"]) == 4


def test_infer_writes_the_posterior(attend, run_folder, scenes_file, tmp_path):
    assert attend("infer", run_folder, scenes_file, "--out", tmp_path / "found.npz")[0] == 0
    scenes = Scenes.from_npz(tmp_path / "found.npz")
    assert len(scenes) == 64
    np.testing.assert_allclose(scenes.count_probs.sum(axis=1), 1, rtol=1e-5)


def test_infer_takes_a_saved_model_and_a_folder_of_images(attend, run_folder, squares, tmp_path):
    package.load(run_folder).save(tmp_path / "model.npz")
    (tmp_path / "images").mkdir()
    for name, image in zip("ab", squares.images, strict=False):
        Image.fromarray(image[..., 0]).save(tmp_path / "images" / f"{name}.png")
    for model, out in ((run_folder, "one.npz"), (tmp_path / "model.npz", "two.npz")):
        assert attend("infer", model, tmp_path / "images", "--out", tmp_path / out)[0] == 0
    one, two = (Scenes.from_npz(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert one.names == two.names == ("a.png", "b.png")
    assert (one.count_probs == two.count_probs).all()


def test_a_grey_image_is_shown_to_a_model_of_colour_images(attend, squares, tiny_config, tmp_path):
    model = package.Model.create(tiny_config.model, (16, 16, 3), jax.random.key(0))
    model.save(tmp_path / "colour.npz")
    Image.fromarray(squares.images[0, ..., 0]).save(tmp_path / "grey.png")
    assert attend("infer", tmp_path / "colour.npz", tmp_path / "grey.png", "--out", tmp_path / "grey.npz")[0] == 0
    expected = model.infer(squares.images[:1].repeat(3, axis=3))
    np.testing.assert_array_equal(Scenes.from_npz(tmp_path / "grey.npz").count_probs, expected.count_probs)


def test_show_and_sample_write_pictures(attend, run_folder, scenes_file, tmp_path):
    status, out, _ = attend("show", run_folder, scenes_file, "--out", tmp_path / "scenes.png", "--n", "3")
    assert status == 0
    assert "3 images" in out
    assert min(_size(tmp_path / "scenes.png")) > 100
    assert attend("sample", run_folder, "--out", tmp_path / "samples.png", "--n", "4")[0] == 0
    assert min(_size(tmp_path / "samples.png")) > 100


def test_report_shows_a_run_with_and_without_sources(attend, run_folder, scenes_file, tmp_path):
    page, bare = tmp_path / "page.html", tmp_path / "bare.html"
    status, out, _ = attend("report", run_folder, scenes_file, "digits.npz", "--out", page)
    assert (status, out, page.exists()) == (2, "", False)
    assert attend("report", run_folder, scenes_file, "--out", page, "--n", "9")[0] == 0
    text = page.read_text()
    assert f"What {run_folder.name} has learned" in text
    assert "trained for 20 steps" in text
    assert "objects in 9 images" in text
    assert "count accuracy" in text
    package.load(run_folder).save(tmp_path / "model.npz")
    assert attend("report", tmp_path / "model.npz", "--out", bare)[0] == 0
    assert "What it finds" not in bare.read_text()


def test_evaluate_prints_exactly_one_json_object(attend, run_folder, scenes_file):
    status, out, _ = attend("evaluate", run_folder, scenes_file, "--json", "--samples", "2")
    report = json.loads(out)
    assert status == 0
    assert tuple(report) == KEYS
    assert 0 <= report["count_accuracy"] <= 1
    assert report["elbo"] < report["iw_bound"]
    assert report["images_per_second"] > 0


def test_evaluate_says_null_for_what_the_data_cannot_tell(attend, run_folder, squares, tmp_path):
    SceneData(squares.images).save(tmp_path / "bare.npz")
    _, out, _ = attend("evaluate", run_folder, tmp_path / "bare.npz", "--json", "--samples", "2")
    report = json.loads(out)
    assert {key for key, value in report.items() if value is None} == {
        "count_accuracy",
        "count_confusion",
        "count_accuracy_by_count",
        "count_ece",
        "mean_iou",
        "ap50",
        "what_probe_accuracy",
        "identity_accuracy",
        "position_error_m",
        "yaw_error_rad",
    }


def test_evaluate_prints_a_table(attend, run_folder, scenes_file, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = attend("evaluate", run_folder, scenes_file, "--samples", "2")
    assert "count accuracy" in out
    assert "of scenes with 2" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.slow
def test_demo_trains_measures_and_draws(attend, tiny_default, monkeypatch, tmp_path):
    demo = importlib.import_module("attend.cli.demo")
    monkeypatch.setattr(demo, "STEPS", 3)
    monkeypatch.setattr(demo, "SCENES", {"train": 40, "valid": 10, "test": 20})
    monkeypatch.setattr(demo, "BOUND_SAMPLES", 2)
    status, out, _ = attend("demo", "--out", tmp_path / "demo")
    assert status == 0
    assert "count accuracy" in out
    for name in ("scenes.png", "samples.png", "curves.png"):
        assert str(tmp_path / "demo" / name) in out
        assert min(_size(tmp_path / "demo" / name)) > 100
    assert attend("demo", "--out", tmp_path / "demo")[0] == 2
    (tmp_path / "demo" / "scenes.png").unlink()
    assert attend("demo", "--out", tmp_path / "demo", "--resume")[0] == 0
    assert (tmp_path / "demo" / "scenes.png").exists()


def test_show_draws_scenes_with_objects_first_and_an_empty_one_last(
    attend, run_folder, scenes_file, tmp_path, monkeypatch
):
    original = package.Model.infer

    def infer(self, images, **options):
        scenes = original(self, images, **options)
        return dataclasses.replace(scenes, count_probs=np.eye(3, dtype=np.float32)[np.arange(len(scenes)) % 3])

    monkeypatch.setattr(package.Model, "infer", infer)
    words = ["show", run_folder, scenes_file, "--out", tmp_path / "scenes.png", "--n"]
    assert "3 images, counts 1, 2, 0" in attend(*words, "3")[1]
    assert "5 images, counts 1, 2, 1, 2, 0" in attend(*words, "5")[1]
    assert f"64 images, counts {', '.join(str(row % 3) for row in range(64))}" in attend(*words, "99")[1]
