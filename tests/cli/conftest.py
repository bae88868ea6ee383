import dataclasses

import numpy as np
import pytest

import attend as package
from attend import config
from attend.cli import main
from attend.config import Config
from attend.data import SceneData
from attend.settings import flattened

SMALL = dict(
    max_objects=2,
    cell="lstm",
    cell_widths=(16,),
    what=4,
    glimpse=8,
    encoder_widths=(16,),
    decoder_widths=(16,),
    steps=20,
    batch_size=8,
    warmup_steps=0,
)
TINY = Config().replace(**SMALL)


@pytest.fixture(scope="session")
def tiny_flags() -> list[str]:
    """`TINY` as words of a command line."""
    words = []
    for section in ("model", "train"):
        for name, value in flattened(getattr(TINY, section)).items():
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{section}.{name.replace('_', '-')}", *map(str, values)]
    return words


@pytest.fixture(scope="session")
def squares() -> SceneData:
    """Scenes of 0 to 2 bright squares on black, with everything known."""
    n, side = 64, 16
    rng = np.random.default_rng(0)
    images = np.zeros((n, side, side, 1), np.uint8)
    counts = rng.integers(3, size=n)
    boxes = np.zeros((n, 2, 4), np.float32)
    labels = np.full((n, 2), -1)
    for image, count, rows, classes in zip(images, counts, boxes, labels, strict=True):
        for row in range(count):
            x0, y0 = rng.integers(side - 5, size=2)
            image[y0 : y0 + 5, x0 : x0 + 5] = 200
            rows[row], classes[row] = (x0, y0, 5, 5), row
    return SceneData(images, counts, boxes, labels)


@pytest.fixture(scope="session")
def scenes_file(tmp_path_factory, squares):
    path = tmp_path_factory.mktemp("scenes") / "squares.npz"
    squares.save(path)
    return path


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory, scenes_file, tiny_flags):
    """A finished run; tests must not change it."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", str(scenes_file), "--out", str(out), *tiny_flags]) == 0
    return out


@pytest.fixture
def attend(capsys):
    """Run a command; returns its exit status, what it said on stdout, and on stderr."""

    def run(*words):
        status = main([str(word) for word in words])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def refused(attend):
    """Run a command that must be refused in one line on stderr, which is returned."""

    def run(*words):
        status, out, err = attend(*words)
        assert status == 2, err
        assert out == ""
        assert err.startswith("attend: ")
        assert err.count("\n") == 1
        return err

    return run


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """The settings that `tiny_flags` say."""
    return TINY


@pytest.fixture
def tiny_default(monkeypatch):
    """Make the preset `default` tiny."""
    monkeypatch.setitem(config._PRESETS, "default", SMALL)


@pytest.fixture
def two_in_each(monkeypatch):
    """Every model is sure of two objects in every image, whatever the tiny run has learned."""
    original = package.Model.infer

    def infer(self, images, **options):
        scenes = original(self, images, **options)
        sure = np.zeros_like(scenes.count_probs)
        sure[:, 2] = 1
        return dataclasses.replace(scenes, count_probs=sure)

    monkeypatch.setattr(package.Model, "infer", infer)
