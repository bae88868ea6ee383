"""Every mistake of a user has its one line on stderr and exit status 2, and is found before the work is done."""

import shutil

import numpy as np
import pytest
from PIL import Image

from attend.training import RunFolder


@pytest.fixture
def train(refused, tiny_flags, tmp_path):
    """A training that must be refused and leave no run folder behind; returns the line."""

    def run(data, *words):
        line = refused("train", data, "--out", tmp_path / "run", *tiny_flags, *words)
        assert not (tmp_path / "run").exists()
        return line

    return run


@pytest.fixture
def damaged_run(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "damaged")


def _damage(run, step):
    for path in (run / "checkpoints" / str(step)).rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")


@pytest.mark.parametrize(
    ("images", "line"),
    [
        (np.zeros((9, 8, 8)), "images: dtype is float64; it must be uint8"),
        (np.full((9, 8, 8), np.nan, np.float32), "images: dtype is float32; it must be uint8"),
        (np.zeros((9, 8, 8, 2), np.uint8), "images: shape is (9, 8, 8, 2); it must be (n, height, width, 1 or 3"),
        (np.zeros((0, 8, 8), np.uint8), "there must be at least one image"),
        (np.zeros((9, 8), np.uint8), "images: shape is (9, 8)"),
    ],
)
def test_images_that_are_none(train, tmp_path, images, line):
    np.savez(tmp_path / "s.npz", images=images)
    assert line in train(tmp_path / "s.npz")


def test_counts_that_disagree_with_boxes(train, squares, tmp_path):
    counts = squares.counts.copy()
    counts[5] += 1
    np.savez(tmp_path / "s.npz", images=squares.images, boxes=squares.boxes, counts=counts)
    assert "counts: image 5 has another count than used rows in boxes" in train(tmp_path / "s.npz")


def test_an_empty_folder(train, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no image" in train(tmp_path / "empty")


def test_a_text_renamed_to_png(refused, run_folder, tmp_path):
    (tmp_path / "text.png").write_text("this is no picture")
    line = refused("infer", run_folder, tmp_path / "text.png", "--out", tmp_path / "o.json")
    assert "text.png: cannot be read as an image" in line


def test_a_truncated_image(refused, run_folder, tmp_path):
    noise = np.random.default_rng(0).integers(256, size=(16, 16), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "half.png")
    content = (tmp_path / "half.png").read_bytes()
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    line = refused("show", run_folder, tmp_path / "half.png", "--out", tmp_path / "o.png")
    assert "half.png: cannot be read as an image" in line


@pytest.mark.parametrize(("command", "suffix"), [("infer", "json"), ("show", "png")])
def test_images_of_another_size(refused, run_folder, tmp_path, command, suffix):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "small.png")
    line = refused(command, run_folder, tmp_path / "small.png", "--out", tmp_path / f"o.{suffix}")
    assert "small.png: images: are 8x8x1" in line
    assert "the model knows 16x16x1" in line
    assert "--resize H W or --crop H W" in line


def test_no_such_data_or_model(train, refused, tmp_path):
    assert "is neither a data set" in train("nothing")
    line = refused("infer", tmp_path / "no", "digits", "--out", tmp_path / "o.json")
    assert f"{tmp_path / 'no'}: no such file" in line


def test_options_that_the_data_does_not_take(train, scenes_file):
    assert "takes no option 'counts'" in train(scenes_file, "--counts", "1")
    assert "take neither a path nor download" in train("digits", "--download")


def test_a_run_folder_without_a_checkpoint(refused, damaged_run, scenes_file):
    shutil.rmtree(damaged_run / "checkpoints")
    assert "holds no checkpoint" in refused("evaluate", damaged_run, scenes_file)


def test_a_folder_that_is_no_run(refused, tmp_path, scenes_file):
    assert "is not a run folder" in refused("evaluate", tmp_path, scenes_file)
    assert "is not a run folder" in refused("train", scenes_file, "--out", tmp_path, "--resume")


def test_a_damaged_newest_checkpoint_falls_back_and_says_so(attend, damaged_run, scenes_file, tmp_path):
    assert attend("train", scenes_file, "--out", damaged_run, "--resume", "--steps", "25")[0] == 0
    assert RunFolder(damaged_run).checkpoints.steps() == [20, 25]
    _damage(damaged_run, 25)
    status, _, err = attend("sample", damaged_run, "--out", tmp_path / "o.png")
    assert status == 0
    assert err.startswith("attend: warning: ")
    assert "25: damaged checkpoint, skipped" in err
    assert err.count("\n") == 1


def test_only_damaged_checkpoints(attend, damaged_run, tmp_path):
    _damage(damaged_run, 20)
    status, _, err = attend("sample", damaged_run, "--out", tmp_path / "o.png")
    assert status == 2
    assert err.splitlines()[-1].startswith("attend: ")
    assert "every checkpoint is damaged (steps 20)" in err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--train.estimator.samples", "5"],
            "train.estimator.samples: is a setting of the estimator 'iw', and the estimator is 'exact'",
        ),
        (
            ["--model.background.code", "5"],
            "model.background.code: is a setting of the background 'learned', and the background is 'none'",
        ),
        (["--model.cell.widths", "5", "5"], "model.cell.widths: is (5, 5); an LSTM cell has one size"),
        (["--train.warmup-steps", "20"], "train.warmup_steps: is 20; it must be below train.steps, 20"),
        (["--train.batch-size", "0"], "train.batch_size: is 0; it must be above 0"),
        (["--train.estimator", "exakt"], "'exakt' is unknown; it must be one of"),
        (["--model.cell", "gru"], "'gru' is unknown; it must be one of"),
        (["--model.renderer", "gl"], "'gl' is unknown; it must be one of"),
        (["--model.max-objects", "1"], "model.max_objects: is 1, but"),
        (["--preset", "huge"], "preset: 'huge' is unknown; it must be one of default, fast, paper"),
        (["--steps", "30"], "steps: is given by --steps and by --train.steps; give one of them"),
        (["--n", "65"], "holds 64 scenes; n is 65"),
    ],
)
def test_settings_that_are_unknown_or_contradict_each_other(train, scenes_file, words, line):
    assert line in train(scenes_file, *words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--train.batch-size", "4"], "train.batch_size: is 8 in"),
        (["--model.renderer.what", "5"], "model.renderer.what: is 4 in"),
        (["--model.renderer", "alpha"], "model.renderer: is patch in"),
        (["--preset", "paper"], "only steps can change on resuming"),
        (["--seed", "1"], "seed: is 0 in"),
        (["--steps", "10"], "is at step 20; it must not be less"),
    ],
)
def test_nothing_but_more_steps_can_change_on_resuming(refused, run_folder, scenes_file, words, line):
    assert line in refused("train", scenes_file, "--out", run_folder, "--resume", *words)


def test_a_run_that_another_process_trains(refused, run_folder):
    with RunFolder(run_folder).locked():  # the data are not even looked for
        line = refused("train", "nothing", "--out", run_folder, "--resume", "--steps", "30")
    assert line == f"attend: {run_folder}: another process is training in it; let it end, or stop it\n"


def test_a_full_disk(refused, tmp_path, full_disk):
    with full_disk(100):
        line = refused("data", "digits", "--n", "5", "--out", tmp_path / "s.npz")
    assert line == f"attend: {tmp_path / 's.npz'}: cannot be written (File too large)\n"
    assert not list(tmp_path.iterdir())


def test_a_run_folder_is_not_overwritten(refused, run_folder, scenes_file, tmp_path):
    assert "holds a run already; go on with --resume" in refused("train", scenes_file, "--out", run_folder)
    (tmp_path / "notes.txt").write_text("mine")
    assert "is not empty" in refused("train", scenes_file, "--out", tmp_path)
    assert "is not empty" in refused("demo", "--out", tmp_path)


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_loss_that_is_not_finite_stops_the_training(attend, scenes_file, tiny_flags, tmp_path):
    words = ["train", scenes_file, "--out", tmp_path / "run", *tiny_flags, "--train.learning-rate", "1e30"]
    status, out, err = attend(*words)
    assert status == 2
    assert out == ""
    assert err.splitlines()[-1].startswith("attend: training: the loss, its gradient or the parameters became NaN")
    assert "a smaller learning rate may help" in err


@pytest.mark.parametrize(
    ("command", "out", "line"),
    [
        (["data", "digits"], "s.npy", "the suffix is '.npy'; it must be .npz"),
        (
            ["infer", "no-run", "digits"],
            "o.txt",
            "the suffix is '.txt'; it must be .json, .csv, .geojson, .npz",
        ),
        (["infer", "no-run", "digits"], "o", "or a folder with --format crops, geojson, labels, overlays, rois, yolo"),
        (["infer", "no-run", "digits", "--format", "yolo"], "full", "is not empty; choose a new or an empty folder"),
        (["infer", "no-run", "digits", "--format", "yolo"], "file", "is a file; it must be a new or an empty folder"),
        (["infer", "no-run", "digits", "--format", "csv"], "o.json", "the suffix is '.json'; it must be .csv"),
        (["infer", "no-run", "digits", "--format", "xml"], "o.xml", "format: 'xml' is unknown; it must be one of coco"),
        (["infer", "no-run", "digits", "--proposals"], "o.csv", "the suffix is '.csv'; it must be .json"),
        (["infer", "no-run", "digits", "--proposals", "--format", "csv"], "o.csv", "'csv' beside --proposals"),
        (["cluster", "no-run", "digits"], "full", "is not empty; choose a new or an empty folder"),
        (["show", "no-run", "digits"], "o.gif", "the suffix is '.gif'; it must be .png or"),
        (["sample", "no-run"], "folder.png", "is a folder; it must be the name of a file"),
        (["report", "no-run"], "o.pdf", "the suffix is '.pdf'; it must be .html"),
        (["data", "digits"], "file/s.npz", "cannot be written"),
        (["infer", "no-run", "digits"], "file/deep/o.json", "cannot be written"),
        (["sample", "no-run"], "file/o.png", "cannot be written"),
        (["train", "digits"], "file/run", "cannot be written"),
        (["train", "digits"], "file", "cannot be written"),
        (["demo"], "file/demo", "cannot be written"),
    ],
)
def test_an_output_that_cannot_be_is_found_before_anything_else(refused, tmp_path, command, out, line):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "full" / "inside").mkdir(parents=True)
    assert line in refused(*command, "--out", tmp_path / out)


def test_parquet_without_its_package(refused, monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    line = refused("infer", "no-run", "digits", "--out", tmp_path / "o.parquet")
    assert "needs pyarrow, which is not installed: pip install 'attend[export]'" in line


def test_rules_of_reading_that_contradict_each_other_or_the_data(train, refused, run_folder, scenes_file, tmp_path):
    (tmp_path / "images").mkdir()
    for name, side in {"a.png": 16, "b.png": 17}.items():
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / "images" / name)
    line = train(tmp_path / "images")
    assert "all images must have one size: give --resize H W, --crop H W or, to train, --tile H W" in line
    assert "crop: is given beside resize" in train(tmp_path / "images", "--crop", "9", "9", "--resize", "9", "9")
    assert "smaller than --crop 17 17" in train(tmp_path / "images", "--crop", "17", "17")
    assert "range: is 5 2; it must be finite" in train(tmp_path / "images", "--range", "5", "2")
    assert "ground: is 'grey'; it must be dark or light" in train(tmp_path / "images", "--ground", "grey")
    assert "a scenes file takes no option 'resize'; it takes ground" in train(scenes_file, "--resize", "9", "9")
    assert "digits: takes no option 'strict'" in train("digits", "--strict")
    (tmp_path / "images" / "c.png").write_bytes(b"")
    line = train(tmp_path / "images", "--crop", "16", "16", "--strict")
    assert "c.png: cannot be read as an image (it is empty)" in line
    line = refused("infer", run_folder, tmp_path / "images", "--strict", "--out", tmp_path / "o.json")
    assert "all images must have one size" in line


def test_groups_that_cannot_be(refused, run_folder, scenes_file, tmp_path):
    words = ["cluster", run_folder, scenes_file, "--out", tmp_path / "groups"]
    assert "k: is 0; it must be 1 or more" in refused(*words, "--k", "0")
    assert "k: is 1000, but in 64 images there are" in refused(*words, "--k", "1000")
    assert not (tmp_path / "groups").exists()


def test_numbers_that_are_too_small(refused, run_folder, scenes_file, tmp_path):
    assert "samples: is 0" in refused("evaluate", run_folder, scenes_file, "--samples", "0")
    assert "n: is 0" in refused("sample", run_folder, "--out", tmp_path / "o.png", "--n", "0")
    assert "n: is 0" in refused("show", run_folder, scenes_file, "--out", tmp_path / "o.png", "--n", "0")
