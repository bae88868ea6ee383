"""`attend find`: one command from a folder of images to counts, boxes and masks."""

import csv
import json
import shutil

import numpy as np
import pytest
import tifffile
from discs import discs
from PIL import Image

from attend.cli import main


@pytest.fixture(scope="module", autouse=True)
def few_priors():
    """How many objects hide behind others is told from fewer dreams, since these do not touch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attend.finding.prior.DREAMS", 60)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plates")
    rng = np.random.default_rng(0)
    for number, (side, n) in enumerate([(160, 12), (200, 25), (160, 15)]):
        Image.fromarray(discs(rng, side=side, n=n)[0][..., 0]).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def found(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "found"
    assert main(["find", str(folder), "--out", str(out), "--rounds", "0", "--turns", "1"]) == 0
    return out


def test_the_folder_holds_tables_masks_pictures_and_the_finder(found):
    with open(found / "counts.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["count"]) for row in rows] == [12, 25, 15]
    assert all(int(row["count_low"]) <= int(row["count"]) <= int(row["count_high"]) for row in rows)
    with open(found / "objects.csv", newline="") as file:
        objects = list(csv.DictReader(file))
    assert len(objects) == 52
    assert np.median([float(row["area"]) for row in objects]) == pytest.approx(np.pi * 64, rel=0.15)
    coco = json.loads((found / "objects.json").read_text())
    assert len(coco["annotations"]) == 52
    labels = tifffile.imread(found / "labels" / "1.tif")
    assert labels.shape == (200, 200)
    assert labels.max() == 25
    assert sorted(path.name for path in (found / "overlays").iterdir()) == ["0.png", "1.png", "2.png"]
    told = json.loads((found / "survey.json").read_text())
    assert told["kind"]["foreground"] == "bright"
    assert told["kind"]["diameter"] == pytest.approx(16, rel=0.25)
    assert not list(found.glob(".*"))


def test_measurements_are_in_micrometres_where_the_file_says_how_large_a_pixel_is(found, folder, tmp_path):
    pixels = np.asarray(Image.open(folder / "0.png"))
    tifffile.imwrite(tmp_path / "sized.tif", pixels, imagej=True, resolution=(2, 2), metadata={"unit": "um"})
    for given, side in ((), 0.5), (("--pixel-size", "2"), 2.0):
        out = tmp_path / f"{side}.csv"
        words = ["infer", found, tmp_path / "sized.tif", "--out", out, "--format", "measurements", *given]
        assert main([str(word) for word in words]) == 0
        with open(out, newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 12
        for row in rows:
            assert float(row["area_um2"]) == pytest.approx(float(row["area"]) * side**2, rel=1e-4)


def test_the_report_shows_what_was_found(found, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["report", str(found), "--out", str(page)]) == 0
    text = page.read_text()
    for said in ("<b>52</b>", "1.png: 25 objects (", "Scenes composed of cut-outs", "bright"):
        assert said in text
    assert text.count("<figure>") == 3
    assert "http://" not in text
    assert main(["report", str(found), "digits", "--out", str(tmp_path / "other.html")]) == 2
    assert "shows what was found there; name none" in capsys.readouterr().err


def test_the_report_of_a_find_that_was_stopped_says_so(found, tmp_path, capsys):
    part = tmp_path / "part"
    shutil.copytree(found, part)
    (part / "objects.csv").unlink()
    assert main(["report", str(part), "--out", str(tmp_path / "page.html")]) == 2
    assert "continue it with --resume" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_dreams_look_like_the_images(found):
    """By their statistics, and there is a picture of both."""
    told = json.loads((found / "survey.json").read_text())["likeness"]
    for name in ("lit", "deviation"):
        images, dreams = told[name]
        assert dreams == pytest.approx(images, rel=0.35), name
    with Image.open(found / "dreams.png") as picture:
        assert picture.width > 2 * picture.height


def test_infer_finds_more_without_learning_again(found, folder, tmp_path):
    out = tmp_path / "more.json"
    assert main(["infer", str(found), str(folder / "1.png"), "--out", str(out)]) == 0
    assert len(json.loads(out.read_text())["annotations"]) == 25


def test_what_was_learned_is_measured_on_scenes_whose_content_is_known(found, tmp_path, capsys):
    image, places = discs(np.random.default_rng(12))
    boxes = np.concatenate([places - 7.5, np.full((len(places), 2), 16.0)], axis=1)[None].astype(np.float32)
    known = {"images": image[None, ..., 0], "counts": np.array([len(places)]), "boxes": boxes}
    np.savez(tmp_path / "scenes.npz", **known)
    assert main(["evaluate", str(found), str(tmp_path / "scenes.npz"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["true_objects"], report["count_accuracy"], report["count_error"]) == (25, 1.0, 0.0)
    assert report["box_f1"] > 0.9
    np.savez(tmp_path / "unknown.npz", images=known["images"])
    assert main(["evaluate", str(found), str(tmp_path / "unknown.npz")]) == 2
    assert "counts: are missing" in capsys.readouterr().err


def test_the_same_command_gives_the_same_files_though_it_is_stopped(found, folder, tmp_path, monkeypatch):
    from attend.finding import Finder

    out, infer, looked = tmp_path / "out", Finder.infer, []

    def stops(self, image, name=None):
        if len(looked) == 1:
            raise KeyboardInterrupt
        looked.append(name)
        return infer(self, image, name)

    monkeypatch.setattr(Finder, "infer", stops)
    command = ["find", str(folder), "--out", str(out), "--rounds", "0", "--turns", "1"]
    assert main(command) == 130
    assert not (out / "counts.csv").exists()
    monkeypatch.setattr("attend.looking.finding.make_finder", None)  # not learned again
    monkeypatch.setattr(Finder, "infer", infer)
    assert main([*command, "--resume"]) == 0
    for name in ("counts.csv", "objects.csv", "objects.json", "survey.json"):
        assert (out / name).read_bytes() == (found / name).read_bytes()


@pytest.mark.slow
def test_a_stopped_find_that_has_learned_goes_on_to_the_same_result(folder, tmp_path, monkeypatch):
    """What was learned comes back from its file as it was, to the last bit."""
    from attend.finding import Finder

    monkeypatch.setattr("attend.finding.rounds.STEPS", 4)
    monkeypatch.setattr("attend.finding.finder.DREAMS", 40)
    told = ["--foreground", "bright", "--diameter", "16"]
    command = ["find", str(folder), "--rounds", "1", "--turns", "1", *told, "--out"]
    assert main([*command, str(tmp_path / "whole")]) == 0
    infer, looked = Finder.infer, []

    def stops(self, image, name=None):
        if len(looked) == 1:
            raise KeyboardInterrupt
        looked.append(name)
        return infer(self, image, name)

    monkeypatch.setattr(Finder, "infer", stops)
    assert main([*command, str(tmp_path / "stopped")]) == 130
    monkeypatch.setattr(Finder, "infer", infer)
    assert main([*command, str(tmp_path / "stopped"), "--resume"]) == 0
    for name in ("counts.csv", "objects.csv", "objects.json"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_blank_image_has_nothing_and_says_so(tmp_path, capsys):
    Image.fromarray(np.full((100, 100), 77, np.uint8)).save(tmp_path / "blank.png")
    assert main(["find", str(tmp_path / "blank.png"), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "0 objects in 1 image" in said
    assert "no repeated objects" in said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--foreground", "red"], "foreground: 'red' is unknown; it must be one of bright, dark"),
        (["--diameter", "0"], "diameter: is 0; it must be from 2 to 2,000 pixels"),
        (["--rounds", "-1"], "rounds: is -1; it must be 0 or more"),
        (["--turns", "9"], "turns: is 9; it must be from 1 to 8"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(folder, tmp_path, capsys, words, line):
    assert main(["find", str(folder), "--out", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_is_refused(found, folder, capsys):
    assert main(["find", str(folder), "--out", str(found)]) == 2
    assert "is not empty" in capsys.readouterr().err
