"""`attend train --stream`."""

import importlib
import json
import zipfile

import pytest
from PIL import Image

import attend as package
from attend.data import ShuffledImages


@pytest.fixture(scope="module")
def archive(tmp_path_factory, squares):
    folder = tmp_path_factory.mktemp("squares")
    with zipfile.ZipFile(folder / "squares.zip", "w") as archive:
        for number, image in enumerate(squares.images):
            Image.fromarray(image[..., 0]).save(folder / "one.png")
            archive.write(folder / "one.png", f"{number:02}.png")
        archive.writestr("99.png", b"no image")
    return folder / "squares.zip"


@pytest.fixture(scope="module")
def run(archive, tiny_flags, tmp_path_factory):
    from attend.cli import main

    out = tmp_path_factory.mktemp("runs") / "streamed"
    words = ["train", str(archive), "--random-crop", "14", "15", "--flip", "both", "--out", str(out), *tiny_flags]
    assert main(words) == 0
    return out


@pytest.mark.slow
def test_a_run_keeps_how_images_were_streamed_and_resumes_so(attend, archive, run, refused):
    stored = json.loads((run / "config.json").read_text())
    assert stored["stream"] == {"random_crop": [14, 15], "flip": "both"}
    assert stored["size"] == [14, 15, 1]
    assert len(stored["reading"]["skipped"]) == 1
    again = "attend", "train", archive, "--out", run, "--resume"
    assert attend(*again[1:], "--flip", "both")[0] == 0
    assert "flip: is both in" in refused(*again[1:], "--flip", "vertical")
    assert "random_crop: is 14 15 in" in refused(*again[1:], "--random-crop", "8", "8")
    status, out, _ = attend("infer", run, archive, "--crop", "14", "15", "--out", run.parent / "found.csv")
    assert status == 0
    assert "in 64 images; 1 unreadable skipped" in out


def test_what_cannot_be_streamed_is_refused(refused, scenes_file, run_folder, archive, tmp_path):
    for source in ("digits", scenes_file):
        line = refused("train", source, "--stream", "--out", tmp_path / "run")
        assert "is not in image files, and only they can be streamed" in line
    assert "flip: is 'up'; it must be" in refused("train", archive, "--flip", "up", "--out", tmp_path / "run")
    assert "leave --stream out" in refused("train", archive, "--stream", "--out", run_folder, "--resume")
    assert not (tmp_path / "run").exists()


def test_images_that_do_not_fit_are_streamed_and_stderr_says_so(attend, archive, tiny_default, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("attend.material"), "of_host", lambda: 64 * 1000)
    learned_from = []
    monkeypatch.setattr(package, "fit", lambda images, **_: learned_from.append(images))
    status, _, err = attend("train", archive, "--steps", "2", "--out", tmp_path / "run")
    assert status == 0
    assert "squares.zip: all images together need some" in err
    assert "background none: the background is black" in err
    assert isinstance(learned_from[0], ShuffledImages)
