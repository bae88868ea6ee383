import inspect
import os
import subprocess
import sys

import pytest

from attend.cli.arguments import Compose
from attend.cli.entry import COMMANDS
from attend.data import compose


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_explains_it_and_fits_a_terminal(attend, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = attend(command, "--help")
    assert status == 0
    assert inspect.getdoc(COMMANDS[command]).splitlines()[0] in out
    assert "Example" in out
    assert f"usage: attend {command}" in out
    assert max(map(len, out.splitlines())) <= 80


def test_help_names_every_command_and_fits_a_terminal(attend):
    status, out, _ = attend("--help")
    assert status == 0
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert max(map(len, out.splitlines())) <= 80


def test_help_of_train_shows_the_defaults_of_the_preset(attend, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, default, _ = attend("train", "--help")
    _, paper, _ = attend("train", "--preset", "paper", "--help")
    assert "(default: 100000)" in paper
    assert "(default: 100000)" not in default


def test_help_of_train_shows_the_settings_of_the_entries_that_are_chosen_and_names_the_others(attend, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, default, _ = attend("train", "--help")
    _, other, _ = attend("train", "--model.renderer=tabletop", "--train.estimator", "iw", "--help")
    assert "--model.renderer.what INT" in default
    assert "--train.estimator.samples" not in default
    assert "--model.renderer.what INT" not in other
    assert "--train.estimator.samples INT" in other
    assert "--model.renderer alpha|patch|flat|objects-3d|tabletop" in default
    assert "Numbers in an object's" in default  # the setting's own docstring
    assert "Numbers in an object's" not in other


def test_defaults_in_the_help_are_those_of_compose():
    parameters = inspect.signature(compose).parameters
    hints = {"counts": "0 1 2", "canvas": "50", "size": "20 23"}
    for name, hint in hints.items():
        default = parameters[name].default
        assert hint == " ".join(map(str, default if isinstance(default, tuple) else (default,)))
    assert Compose().given() == {}
    assert Compose(counts=(0, 1, 2), download=True).given() == {"counts": (0, 1, 2), "download": True}


def test_version(attend):
    status, out, _ = attend("--version")
    assert status == 0
    assert out.startswith("attend ")


@pytest.mark.parametrize("words", [[], ["trian"]])
def test_no_or_an_unknown_command_is_refused(refused, words):
    assert "it must be one of demo, find, data, train" in refused(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["train", "digits"],
        ["train", "digits", "--out", "run", "--train.step", "3"],
        ["train", "digits", "--out", "run", "--train.steps", "many"],
        ["train", "digits", "--out", "run", "--train.decay", "linear"],
        ["data", "digits", "--out", "s.npz", "--split", "all"],
        ["show", "run", "--out", "x.png", "a", "b"],
    ],
)
def test_usage_errors_end_with_2(attend, words):
    status, out, err = attend(*words)
    assert status == 2
    assert out == ""
    assert "attend" in err


def test_an_interruption_ends_with_130_and_its_message(attend, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt("stopped at step 3")

    monkeypatch.setitem(COMMANDS, "demo", interrupted)
    assert attend("demo") == (130, "", "attend: stopped at step 3\n")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: Failed to allocate 9 bytes"),
        RuntimeError("INTERNAL: Error dispatching computation: Out of memory allocating 31606452192 bytes."),
    ],
)
def test_too_little_memory_is_told_in_a_line(refused, monkeypatch, error):
    def too_large(**_):
        raise error

    monkeypatch.setitem(COMMANDS, "demo", too_large)
    assert "out of memory; a smaller model, batch or number of images may fit" in refused("demo")


def test_a_closed_pipe_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "import sys; from attend.cli import main; sys.exit(main(['--help']))"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""
