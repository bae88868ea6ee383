"""Every experiment runs to its report, on trainings of a few steps."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from attend.experiments import (
    Settings,
    coins,
    estimators,
    experiments,
    frame,
    generalisation,
    hard_scenes,
    objects_3d,
    omniglot,
    representation,
    reproduce,
    sprites,
    supervised,
    tabletop,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_dreams")]


@pytest.fixture
def hurried(monkeypatch):
    """Quick runs with next to no steps, on few scenes."""
    small = {"cell_widths": (4, 4, 4), "what": 4, "encoder_widths": (8,), "decoder_widths": (8,), "steps": 210}
    monkeypatch.setattr(frame, "QUICK_MODEL", frame.QUICK_MODEL | small | {"batch_size": 8})
    few = dict.fromkeys(frame.QUICK_N, 80)
    monkeypatch.setattr(frame, "QUICK_N", few)
    for module in (sprites, hard_scenes):
        monkeypatch.setattr(module, "QUICK_N", few)
    monkeypatch.setattr(omniglot, "QUICK_MODEL", omniglot.QUICK_MODEL | {"steps": 210})
    monkeypatch.setattr(generalisation, "QUICK_LSTM_WIDTHS", (8,))
    monkeypatch.setattr(estimators, "QUICK_STEPS", 210)
    monkeypatch.setattr(estimators, "QUICK_REPEATS", 3)
    for module in (objects_3d, tabletop):
        monkeypatch.setattr(module, "QUICK_N", {"train": 80, "valid": 8, "test": 16})
        monkeypatch.setattr(module, "QUICK_MODEL", module.QUICK_MODEL | {"batch_size": 8, "steps": 60})
    monkeypatch.setattr(tabletop, "QUICK_CANVAS", 16)
    monkeypatch.setattr(tabletop, "QUICK_CHANGES", 1)
    monkeypatch.setattr(objects_3d, "QUICK_CLIMBED", 4)
    monkeypatch.setattr(coins, "QUICK_CROPS", 80)
    monkeypatch.setattr(coins, "QUICK_STEPS", 210)
    for module, name in [
        (objects_3d, "QUICK_STEPS"),
        (objects_3d, "QUICK_CLIMB_STEPS"),
        (generalisation, "QUICK_DRAW_STEPS"),
        (representation, "QUICK_STEPS"),
        (representation, "QUICK_PIXEL_STEPS"),
        (representation, "QUICK_PROBE_STEPS"),
        (supervised, "QUICK_STEPS"),
        (estimators, "QUICK_BASELINE_STEPS"),
        (omniglot, "QUICK_TOLD_STEPS"),
    ]:
        monkeypatch.setattr(module, name, 12)


@pytest.fixture
def characters(tmp_path):
    """A folder of two zips: drawings of two alphabets with one to three lines each, and their strokes."""
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as drawings, zipfile.ZipFile(tmp_path / "b.zip", "w") as strokes:
        for alphabet in ("Early", "Late"):
            for drawer in range(1, 21):
                count = int(rng.integers(1, 4))
                pixels = np.full((105, 105), 255, np.uint8)
                for row in rng.integers(5, 100, size=count):
                    pixels[row : row + 4, 20:80] = 0
                content = io.BytesIO()
                Image.fromarray(pixels).save(content, "PNG")
                name = f"{alphabet}/character01/0001_{drawer:02}"
                drawings.writestr(f"images/{name}.png", content.getvalue())
                strokes.writestr(f"strokes/{name}.txt", "START\n" + "1,-2,3\nBREAK\n" * count)
    return tmp_path


@pytest.mark.parametrize("name", list(experiments))
def test_an_experiment_reports(name, hurried, characters, tmp_path):
    settings = Settings(tmp_path / "runs", quick=True, omniglot=characters)
    report = reproduce(name, settings, tmp_path / "out")
    text = (tmp_path / "out" / f"{name}.md").read_text()
    assert report.tables
    assert report.checks
    for table in report.tables:
        assert all(len(row) == len(table.headings) for row in table.rows)
    for key in report.figures:
        assert (tmp_path / "out" / f"{name}-{key}.png").exists()
    assert "nan" not in text
