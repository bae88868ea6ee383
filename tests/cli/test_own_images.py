"""From a folder of a user's own files to a run, and from that to results in other formats."""

import importlib
import json

import jax
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

import attend as package
import attend.config as attend_config
from attend.cli import main
from attend.config import PRESETS
from attend.data import SceneData
from attend.exports import exports
from attend.fitting import Header, reading_of
from attend.scenes import Scenes
from attend.survey import survey


def package_key():
    return jax.random.key(7)


@pytest.fixture(scope="module")
def scans(tmp_path_factory, squares):
    """Dark squares on light ground as 16-bit scans of 2x2 scenes, some larger by a margin, and one bad file."""
    folder = tmp_path_factory.mktemp("scans")
    paper = (50_000 - 150 * squares.images.astype(int)).astype(np.uint16)[..., 0]
    for number, four in enumerate(paper.reshape(-1, 2, 2, 16, 16)):
        scan = four.swapaxes(1, 2).reshape(32, 32)
        tifffile.imwrite(folder / f"{number:02}.tif", np.pad(scan, ((0, number % 3), (0, 0)), "edge"))
    (folder / "99.tif").write_bytes((folder / "00.tif").read_bytes()[:100])
    return folder


@pytest.fixture(scope="module")
def run_of_scans(tmp_path_factory, scans, tiny_flags):
    out = tmp_path_factory.mktemp("runs") / "scans"
    assert main(["train", str(scans), "--tile", "16", "16", "--out", str(out), *tiny_flags]) == 0
    return out


def test_a_run_keeps_how_its_images_were_read(run_of_scans, scans):
    stored = json.loads((run_of_scans / "config.json").read_text())
    assert stored["size"] == [16, 16, 1]
    assert stored["reading"]["tile"] == [16, 16]
    assert stored["reading"]["ground"] == "light"
    assert stored["reading"]["range"] == [20_000, 50_000]
    assert len(stored["reading"]["skipped"]) == 1
    assert str(scans / "99.tif") in stored["reading"]["skipped"][0]
    assert json.loads(json.dumps(reading_of(run_of_scans).to_dict())) == stored["reading"]


def test_inference_reads_as_the_run_did(attend, run_of_scans, scans, tmp_path):
    crop = ["--crop", "16", "16"]
    status, out, err = attend("infer", run_of_scans, scans, *crop, "--out", tmp_path / "all.npz")
    assert status == 0
    assert "in 16 images; 1 unreadable skipped" in out
    assert "99.tif: cannot be read as an image" in err
    assert sum("darker than the background: images are inverted" in line for line in err.splitlines()) == 1
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "black.png")
    assert attend("infer", run_of_scans, tmp_path / "black.png", "--out", tmp_path / "black.npz")[0] == 0
    assert (Scenes.from_npz(tmp_path / "black.npz").images == 1).all()  # though it alone looks dark
    words = ["infer", run_of_scans, tmp_path / "black.png", "--ground", "dark", "--out", tmp_path / "dark.npz"]
    assert attend(*words)[0] == 0
    assert (Scenes.from_npz(tmp_path / "dark.npz").images == 0).all()
    alone = ["infer", run_of_scans, scans / "01.tif", *crop, "--out", tmp_path / "one.npz"]
    assert attend(*alone)[0] == 0
    one, every = Scenes.from_npz(tmp_path / "one.npz"), Scenes.from_npz(tmp_path / "all.npz")
    assert np.array_equal(one.images[0], every.images[1])
    assert np.median(one.images) < 0.5 < every.images.max()


def test_settings_are_told_from_the_images_of_a_path_unless_they_are_given(attend, tiny_default, scenes_file, tmp_path):
    told = survey(SceneData.load(scenes_file).images).settings
    words = ["train", scenes_file, "--steps", "2", "--out"]
    status, _, err = attend(*words, tmp_path / "told", "--model.renderer.scale-sd=0.5")
    assert status == 0
    assert f"max_objects {told['max_objects']}: 99 % of the images" in err
    config = Header.read(tmp_path / "told").config
    assert config == config.replace(**told | {"scale_sd": 0.5})
    assert config != config.replace(scale_sd=told["scale_sd"])
    status, _, err = attend(*words, tmp_path / "preset", "--preset", "default")
    assert "of the images" not in err
    default = Header.read(tmp_path / "preset").config
    assert default.model == PRESETS["default"].model != default.replace(scale=told["scale"]).model


def test_training_resumes_only_on_images_read_in_the_same_way(attend, run_of_scans, scans):
    status, _, err = attend("train", scans, "--out", run_of_scans, "--resume")
    assert status == 0
    assert "darker than the background" in err
    status, _, err = attend("train", scans, "--out", run_of_scans, "--resume", "--ground", "dark")
    assert status == 2
    assert "was trained on images read by" in err.splitlines()[-1]


def test_a_scenes_file_has_the_images_as_they_are(attend, scans, tmp_path):
    assert attend("data", scans, "--tile", "16", "16", "--out", tmp_path / "s.npz")[0] == 0
    with np.load(tmp_path / "s.npz") as stored:
        assert np.median(stored["images"]) == 255


def test_results_are_in_pixels_of_the_file(attend, run_of_scans, scans, tmp_path, two_in_each):
    words = ["infer", run_of_scans, scans, "--resize", "16", "16", "--out"]
    assert attend(*words, tmp_path / "found.json", "--proposals")[0] == 0
    assert attend(*words, tmp_path / "found.csv")[0] == 0
    assert attend(*words, tmp_path / "found.npz")[0] == 0
    coco = json.loads((tmp_path / "found.json").read_text())
    assert [(image["width"], image["height"]) for image in coco["images"][:3]] == [(32, 32), (32, 33), (32, 34)]
    scenes = Scenes.from_npz(tmp_path / "found.npz")
    table = pd.read_csv(tmp_path / "found.csv")
    assert len(table) == scenes.counts.sum() == 32 >= len(coco["annotations"]) > 0
    present = np.arange(scenes.what.shape[1]) < scenes.counts[:, None]
    np.testing.assert_allclose(table["x0"], 2 * scenes.boxes[present][:, 0], atol=1e-4)


@pytest.mark.parametrize("name", ["yolo", "crops", "overlays"])
def test_folders_are_written_by_name(attend, run_folder, scenes_file, tmp_path, two_in_each, name):
    words = ["infer", run_folder, scenes_file, "--n", "5", "--format", name, "--out", tmp_path / "out"]
    status, out, _ = attend(*words)
    assert status == 0
    assert "10 objects in 5 images" in out
    found = len(list((tmp_path / "out").rglob("image-*")))
    assert 0 < found <= 10 if name == "crops" else found == 5


def test_the_manual_names_every_format(attend):
    _, out, _ = attend("infer", "--help")
    assert all(name in out for name in exports)


def test_overlays_show_images_as_the_user_knows_them(attend, run_of_scans, scans, tmp_path):
    words = ["infer", run_of_scans, scans, "--crop", "16", "16", "--format", "overlays", "--out", tmp_path / "out"]
    assert attend(*words)[0] == 0
    with Image.open(tmp_path / "out" / "00.png") as image:
        assert np.median(np.asarray(image)) > 200


def test_cluster_writes_a_table_and_a_contact_sheet(attend, run_folder, scenes_file, tmp_path, two_in_each):
    for words, groups in {("--k", "3"): 3, (): None}.items():
        out = tmp_path / f"groups-{groups}"
        status, said, _ = attend("cluster", run_folder, scenes_file, *words, "--out", out)
        assert status == 0
        assert sorted(path.name for path in out.iterdir()) == ["clusters.png", "objects.csv"]
        table = pd.read_csv(out / "objects.csv")
        sizes = table["cluster"].value_counts()
        assert len(table) == 128
        assert groups in (None, len(sizes))
        assert sizes.sort_index().tolist() == sizes.tolist()
        assert ", ".join(map(str, sizes)) in said
        assert ("silhouette" in said) == (groups is None)
        with Image.open(out / "clusters.png") as image:
            assert min(image.size) > 50


@pytest.mark.parametrize("n", [1, 3, 25])
def test_few_images_and_few_steps_train_and_say_so(attend, tiny_default, monkeypatch, squares, tmp_path, n):
    usual = {"batch_size": 64, "warmup_steps": 100, "steps": 10_000}
    monkeypatch.setitem(attend_config._PRESETS, "default", attend_config._PRESETS["default"] | usual)
    for number, image in enumerate(squares.images[:n, ..., 0]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    words = ["train", tmp_path, "--out", tmp_path / "run", "--steps", "3"]
    status, _, err = attend(*words)
    assert status == 0
    assert f"attend: {tmp_path}: there are only 3 steps: the warm-up takes 0 of them" in err
    assert f"attend: {tmp_path}: there {'is' if n == 1 else 'are'} only" in err
    assert err.count(f"batch_size is {n}") == 1
    for more in ([], ["--preset", "default"]):
        assert attend(*words, "--resume", *more)[0] == 0
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["config"]["train"]
    assert (stored["batch_size"], stored["steps"]) == (n, 3)


def test_steps_that_contradict_a_given_warm_up_are_refused(attend, scenes_file, tmp_path):
    words = ["train", scenes_file, "--out", tmp_path / "run", "--steps", "50", "--train.warmup-steps", "100"]
    status, _, err = attend(*words)
    assert status == 2
    assert "train.warmup_steps: is 100; it must be below train.steps, 50" in err


def test_images_too_large_for_the_memory_are_learned_from_in_tiles(attend, tiny_default, monkeypatch, tmp_path):
    module = importlib.import_module("attend.fitting")
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(8):
        image = np.zeros((150, 140), np.uint8)
        for y, x in rng.integers(130, size=(20, 2)):
            image[y : y + 8, x : x + 8] = 200
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
    config = PRESETS["default"].replace(batch_size=8)
    monkeypatch.setattr(module, "SMALL", 0)
    words = ["train", tmp_path / "images", "--preset", "default", "--steps", "2", "--out", tmp_path / "run"]
    enough = module.training_bytes(config, (40, 40, 1), 8) / module.HEADROOM + 2 * 150 * 140 * 8
    monkeypatch.setattr(module, "available", lambda: int(enough))
    status, _, err = attend(*words)
    assert status == 0
    assert "images of 150x140 need more memory than there is: training is on tiles of 35x35 (--tile 35 35)" in err
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["size"] == [35, 35, 1]
    assert attend(*words, "--resume")[0] == 0
    monkeypatch.setattr(module, "available", lambda: 1000)
    status, _, err = attend(*words[:-1], tmp_path / "refused")
    assert status == 2
    assert "memory: training on 8 images of 150x140x1 needs some" in err
    assert not (tmp_path / "refused").exists()


@pytest.fixture
def in_colour(squares, tmp_path):
    """Squares as a camera, a palette and inks have them."""
    folder = tmp_path / "in colour"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 3
    for number, image in enumerate(squares.images[:3, ..., 0]):
        tinted = Image.fromarray(np.stack([image, image // 2, image // 3], axis=-1))
        tinted.rotate(180).save(folder / f"{number}.jpg", exif=exif, quality=95, subsampling=0)
        tinted.quantize(8).save(folder / f"{number}-palette.png")
        tinted.convert("CMYK").save(folder / f"{number}-inks.tif")
    return folder


def test_images_in_colour_for_a_grey_model_become_luminance_with_one_note(attend, run_folder, in_colour, tmp_path):
    words = {"infer": ["--out", tmp_path / "o.npz"], "show": ["--out", tmp_path / "o.png"], "evaluate": []}
    for command, options in words.items():
        status, _, err = attend(command, run_folder, in_colour, *options)
        assert status == 0
        assert err.count("their luminance is taken (Rec. 601)") == 1
    scenes = Scenes.from_npz(tmp_path / "o.npz")
    assert scenes.images.shape == (9, 16, 16, 1)
    for image in scenes.images.reshape(3, 3, 16, 16):
        assert abs(image - image[0]).max() < 0.1


def test_grey_images_for_a_model_in_colour_are_repeated(attend, squares, tmp_path):
    model = package.Model.create(package.ModelConfig(max_objects=2), (16, 16, 3), package_key())
    model.save(tmp_path / "colour.npz")
    Image.fromarray(squares.images[0, ..., 0]).save(tmp_path / "grey.png")
    status, _, err = attend("infer", tmp_path / "colour.npz", tmp_path / "grey.png", "--out", tmp_path / "o.npz")
    assert status == 0
    assert err.count("grey is repeated in each channel") == 1
    assert (np.ptp(Scenes.from_npz(tmp_path / "o.npz").images, axis=3) == 0).all()


@pytest.fixture
def stacks(squares, tmp_path):
    """The second of two channels, in the middle one of three planes, has the squares; the first is black."""
    (tmp_path / "stacks").mkdir()
    for number, image in enumerate(squares.images[:16, ..., 0]):
        pixels = np.zeros((3, 2, 16, 16), np.uint8)
        pixels[1, 1] = image
        named = {"axes": "ZCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
        tifffile.imwrite(tmp_path / "stacks" / f"{number:02}.ome.tif", pixels, metadata=named)
    return tmp_path / "stacks"


def test_a_run_keeps_which_channel_it_read_and_what_became_of_z(attend, refused, squares, stacks, tiny_flags, tmp_path):
    run = tmp_path / "run"
    status, _, err = attend("train", stacks, "--channel", "GFP", "--project", "max", "--out", run, *tiny_flags)
    assert status == 0
    assert "channel 0 is read" not in err
    assert reading_of(run).rules.channel == "GFP"
    assert attend("infer", run, stacks, "--out", tmp_path / "o.npz")[0] == 0
    scenes = Scenes.from_npz(tmp_path / "o.npz")
    assert np.array_equal(np.round(255 * scenes.images), squares.images[:16])
    status, _, err = attend("infer", run, stacks, "--channel", "0", "--out", tmp_path / "o.npz", "--ground", "dark")
    assert status == 0
    assert not Scenes.from_npz(tmp_path / "o.npz").images.any()
    line = refused("infer", run, stacks, "--channel", "RFP", "--out", tmp_path / "o.npz")
    assert "00.ome.tif: holds 2 channels (0 DAPI, 1 GFP); --channel RFP is none of them" in line


def test_polarity_that_is_unclear_is_said_and_the_images_are_left(attend, run_folder, tmp_path):
    noise = np.random.default_rng(0).integers(256, size=(16, 16), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    package.load(run_folder).save(tmp_path / "model.npz")  # without how the images of the run were read
    status, _, err = attend("infer", tmp_path / "model.npz", tmp_path / "noise.png", "--out", tmp_path / "o.npz")
    assert status == 0
    assert err.count("it is unclear whether objects are brighter or darker than the background (confidence 0.") == 1
    assert "--ground light inverts them" in err
    assert np.array_equal(np.round(255 * Scenes.from_npz(tmp_path / "o.npz").images[0, ..., 0]), noise)
