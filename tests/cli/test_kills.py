"""A real training, killed at any moment and resumed, ends with the weights of one that was left alone.

`pytest tests/cli/test_kills.py --kills 20` takes some minutes and tells where the kills fell.
"""

import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import attend as package

TRAIN = """
import sys
import attend.fitting
from attend.cli import main
attend.fitting.LOG_EVERY, attend.fitting.EVALUATE_EVERY, attend.fitting.CHECKPOINT_EVERY = 1, 5, 1
sys.exit(main())
"""
"""Checkpoints at every step, so that many kills fall while one is written."""

STEPS = 20
"""Of the tiny training."""


@pytest.fixture
def command(scenes_file, tiny_flags):
    """Start the training in a folder, or go on with it."""

    def start(out: Path) -> subprocess.Popen:
        going_on = ["--resume"] if (out / "config.json").exists() else []
        words = ["train", str(scenes_file), "--out", str(out), *tiny_flags, *going_on]
        return subprocess.Popen(
            [sys.executable, "-c", TRAIN, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )

    return start


def finish(process: subprocess.Popen) -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def phase(out: Path) -> str:
    """What a killed training was at, as its folder shows."""
    if steps(out) < 0:
        return "starting, with its folder" if (out / "config.json").exists() else "starting"
    writing = any((out / "checkpoints").glob("*tmp*"))
    return f"after step {steps(out)}" + (", writing a checkpoint" if writing else "")


def steps(out: Path) -> int:
    """How many steps have been logged; -1 before the first is begun."""
    rows = out / "metrics.jsonl"
    return rows.read_text().count("\n") if rows.exists() else -1


def weights(out: Path) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(package.load(out))]


@pytest.mark.slow
def test_a_killed_training_is_resumed_to_the_same_weights(command, tmp_path, request, capsys):
    finish(command(tmp_path / "first"))  # compiles
    started = time.monotonic()
    finish(command(tmp_path / "whole"))
    duration = time.monotonic() - started
    expected = weights(tmp_path / "whole")
    rng = np.random.default_rng(0)
    kills = []
    while len(kills) < request.config.getoption("--kills"):
        out = tmp_path / f"killed-{len(kills)}"
        process = command(out)
        if len(kills) % 3:  # around a step, where there is more to break
            step = rng.integers(STEPS + 1)
            while process.poll() is None and steps(out) < step:
                time.sleep(0.001)
            time.sleep(rng.exponential(0.1))
        else:
            time.sleep(rng.uniform(0, duration))
        process.kill()
        process.communicate()
        if process.returncode == 0:  # it was faster
            out.rename(tmp_path / f"finished-{time.monotonic()}")
            continue
        kills.append(phase(out))
        finish(command(out))
        assert not [path for path in out.rglob("*tmp*") if path.is_file()], kills[-1]
        for found, wanted in zip(weights(out), expected, strict=True):
            np.testing.assert_array_equal(found, wanted, err_msg=kills[-1])
    with capsys.disabled():
        print(f"\n{len(kills)} kills, each resumed to identical weights: {'; '.join(kills)}")
