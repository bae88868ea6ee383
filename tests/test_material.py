"""Training on streams through `fit`, resumable in the middle of an epoch; and when images are streamed."""

import importlib
import shutil

import jax
import numpy as np
import pytest
import tiny
from PIL import Image

import attend
from attend.data import Augment, open_shuffled
from attend.errors import AttendError
from attend.fitting import Header
from attend.material import Material, too_large
from attend.training import RunFolder
from attend.training import streamed as streamed_module

N = 18


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    for number, image in enumerate((255 * tiny.images(N)).astype(np.uint8)):
        Image.fromarray(image[..., 0]).save(path / f"{number:02}.png")
    return path


@pytest.fixture(scope="module", autouse=True)
def short_periods():
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("attend.fitting")
        patch.setattr(module, "LOG_EVERY", 2)
        patch.setattr(module, "CHECKPOINT_EVERY", 4)
        patch.setattr(streamed_module, "TOGETHER", 3)
        yield


def fit(images, **options):
    config = {} if "resume" in options else {"config": tiny.config(decay="none")}
    return attend.fit(images, progress=False, **config, **options)


def assert_same_model(one, other):
    assert one.config == other.config
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, folder):
    """A run of 8 steps, of which an epoch has four and a half, and the model that `fit` returned."""
    path = tmp_path_factory.mktemp("whole") / "run"
    return path, fit(open_shuffled(folder, flip="both", ground="dark"), run=path, seed=3)


def cut_off(path, to):
    """A copy of a run as if it had been cut off right after its checkpoint at step 4, in the middle of an epoch."""
    shutil.copytree(path, to)
    run = RunFolder(to)
    assert run.checkpoints.steps() == [4, 8]
    run.checkpoints.discard_after(4)
    run.checkpoints.close()
    return to


@pytest.mark.slow
def test_resuming_in_the_middle_of_an_epoch_gives_the_same_bits(whole, folder, tmp_path):
    path, expected = whole
    assert_same_model(fit(folder, run=cut_off(path, tmp_path / "run"), resume=True), expected)
    assert Header.read(path).stream == Augment(flip="both")
    rows = [[row["loss"] for row in RunFolder(run).metrics()] for run in (path, tmp_path / "run")]
    assert rows[0] == rows[1]
    assert_same_model(attend.load(path), expected)


def test_a_run_goes_on_only_with_images_from_where_it_had_them(whole, folder):
    line = r"was trained on images in a stream \(random_crop none, flip both\); these are in a stream \(.*flip none\)"
    with pytest.raises(AttendError, match=line):
        fit(open_shuffled(folder, ground="dark"), run=whole[0], resume=True)
    with pytest.raises(AttendError, match=r"flip both\); these are in memory"):
        fit(tiny.images(N), run=whole[0], resume=True)


def test_a_run_goes_on_only_with_as_many_files_as_it_had(whole, folder, tmp_path):
    more = shutil.copytree(folder, tmp_path / "more")
    shutil.copy(next(path for path in more.rglob("*.png")), more / "another.png")
    with pytest.raises(AttendError, match=rf"was trained on {N} files, and there are {N + 1} now"):
        fit(open_shuffled(more, ground="dark", flip="both"), run=whole[0], resume=True)


def test_images_are_streamed_if_memory_is_too_small_for_them(folder, monkeypatch):
    stream = open_shuffled(folder)
    assert stream.whole_bytes == N * 64
    assert too_large(stream) is None
    module = importlib.import_module("attend.material")
    monkeypatch.setattr(module, "of_host", lambda: N * 1000)
    assert "all images together need some 20 kB of memory, and 14 kB may be used: they are streamed" in too_large(
        stream
    )
    monkeypatch.setattr(module, "of_host", lambda: None)
    monkeypatch.setattr(module, "available", lambda: N * 64)
    assert "need some 1 kB" in too_large(stream)
    fitting = importlib.import_module("attend.fitting")
    material, reading, notes = fitting._material(folder, None)
    assert material.stream is not None
    assert reading is not None
    assert "they are streamed" in notes[0]


def test_material_gives_no_more_than_is_asked_for(folder, monkeypatch):
    for material in (Material.of(tiny.images(N)), Material.of(open_shuffled(folder))):
        assert len(material) == N
        assert material.size == tiny.SIZE
        assert material.some(5).shape == (5, *tiny.SIZE)
        assert len(material.some(99)) == N
    module = importlib.import_module("attend.material")
    monkeypatch.setattr(module, "SAMPLE_BYTES", 3 * 64)
    assert len(material.some(99)) == 3


@pytest.mark.parametrize("stream", [3, {"flip": "both"}, {"random_crop": 3, "flip": None}])
def test_a_damaged_run_folder_is_refused(whole, stream):
    header = RunFolder(whole[0]).config() | {"stream": stream}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "config", lambda self: header)
        with pytest.raises(AttendError, match=r"its config\.json is damaged \(stream: "):
            Header.read(whole[0])
