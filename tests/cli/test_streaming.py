"""`attend train --stream`: what comes to be learned from. tests/test_docs.py has such trainings run."""

import importlib
import zipfile

import pytest
from PIL import Image

import attend as package
from attend.data import Augment, Reading, Rules, SceneData, ShuffledImages
from attend.fitting import Header
from attend.training import RunFolder


@pytest.fixture(scope="module")
def archive(tmp_path_factory, squares):
    folder = tmp_path_factory.mktemp("squares")
    with zipfile.ZipFile(folder / "squares.zip", "w") as archive:
        for number, image in enumerate(squares.images):
            Image.fromarray(image[..., 0]).save(folder / "one.png")
            archive.write(folder / "one.png", f"{number:02}.png")
        archive.writestr("99.png", b"no image")
    return folder / "squares.zip"


@pytest.fixture
def learned_from(monkeypatch):
    """What `attend.fit` was given, which does nothing else."""
    given = []
    monkeypatch.setattr(package, "fit", lambda images, **_: given.append(images))
    return given


def stored_run(path, config, stream):
    """A run folder that no training has been in."""
    header = Header(config, (14, 15, 1), 0, Reading(Rules(ground="light")), stream)
    RunFolder.create(path, header.to_dict())
    return path


def test_images_are_streamed_if_asked_for_and_read_before_if_not(attend, archive, learned_from, tiny_flags, tmp_path):
    words = ["train", archive, "--out", tmp_path / "run", *tiny_flags]
    assert attend(*words, "--stream")[0] == 0
    assert attend(*words, "--random-crop", "14", "15", "--flip", "both", "--n", "9")[0] == 0
    assert attend(*words, "--tile", "8", "8", "--n", "100")[0] == 0
    whole, augmented, in_memory = learned_from
    assert isinstance(whole, ShuffledImages)
    assert (len(whole), whole.augment, whole.size) == (65, Augment(), (16, 16, 1))
    assert (len(augmented), augmented.augment, augmented.size) == (9, Augment((14, 15), "both"), (14, 15, 1))
    assert isinstance(in_memory, SceneData)
    assert len(in_memory) == 100  # more than there are files


def test_a_run_goes_on_as_it_was_streamed(attend, archive, learned_from, tiny_config, tmp_path, refused):
    run = stored_run(tmp_path / "run", tiny_config, Augment((14, 15), "both"))
    again = "train", archive, "--out", run, "--resume"
    assert attend(*again)[0] == attend(*again, "--stream", "--flip", "both")[0] == 0
    assert [images.augment for images in learned_from] == 2 * [Augment((14, 15), "both")]
    assert learned_from[0].rules.ground == "light"
    assert "flip: is both in" in refused(*again, "--flip", "vertical")
    assert "random_crop: is 14 15 in" in refused(*again, "--random-crop", "8", "8")
    run = stored_run(tmp_path / "other", tiny_config, None)
    assert "leave --stream out" in refused("train", archive, "--stream", "--out", run, "--resume")


def test_what_cannot_be_streamed_is_refused(refused, scenes_file, archive, tmp_path):
    for source in ("digits", scenes_file):
        line = refused("train", source, "--stream", "--out", tmp_path / "run")
        assert "is not in image files, and only they can be streamed" in line
    assert "flip: is 'up'; it must be" in refused("train", archive, "--flip", "up", "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_images_that_do_not_fit_are_streamed_and_stderr_says_so(
    attend, archive, learned_from, tiny_default, tmp_path, monkeypatch
):
    monkeypatch.setattr(importlib.import_module("attend.material"), "of_host", lambda: 64 * 1000)
    status, _, err = attend("train", archive, "--steps", "2", "--n", "20", "--out", tmp_path / "run")
    assert status == 0
    assert "squares.zip: all images together need some" in err
    assert "background none: the background is black" in err
    assert isinstance(learned_from[0], ShuffledImages)
    assert len(learned_from[0]) == 20
