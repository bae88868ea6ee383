"""Two processes train together, on one machine: to the same as one, and to one line when one of them is killed."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from PIL import Image

import attend as package
from attend.training import RunFolder

TRAIN = """
import sys, time
import attend.fitting
from attend.cli import main
from attend.training import loop
attend.fitting.LOG_EVERY, attend.fitting.CHECKPOINT_EVERY = 1, 5
any_says, pause = loop.any_says, float(sys.argv.pop(1))
loop.any_says = lambda yes: (time.sleep(pause), any_says(yes))[1]
sys.exit(main())
"""
"""A training that pauses after every step; the same for all tests, since it is the compiling that takes long."""

STEPS = 20


@pytest.fixture
def start(scenes_file, tiny_flags):
    """Start two processes that train in a folder, and end them with the test."""
    started = []

    def run(out, pause, words_of, variables_of=lambda process: {}, source=scenes_file):
        for process in range(2):
            command = ["train", str(source), "--out", str(out), *tiny_flags]
            environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", TRAIN, str(pause), *command, *words_of(process)],
                    env=environment | variables_of(process),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return started

    yield run
    for process in started:
        process.kill()
        process.communicate()


def free_port(least=1024):
    """A port on which nobody listens, as far as one can know."""
    for port in np.random.default_rng().permutation(np.arange(least, 2**16)):
        with socket.socket() as listening, contextlib.suppress(OSError):
            listening.bind(("localhost", int(port)))
            return int(port)
    raise AssertionError("no port is free")


def by_address():
    address = f"localhost:{free_port()}"
    return lambda process: ["--coordinator", address, "--process", str(process), "--processes", "2"]


def by_slurm():
    """The variables that SLURM would set; JAX makes the port from the number of the job."""
    port = free_port(2**16 - 2**12)
    job = {"SLURM_JOB_ID": port - (2**16 - 2**12), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": 2}
    return lambda process: {k: str(v) for k, v in (job | {"SLURM_PROCID": process, "SLURM_LOCALID": process}).items()}


def wait_for_rows(out, number, processes):
    rows = out / "metrics.jsonl"
    while not rows.exists() or rows.read_text().count("\n") < number:
        assert all(process.poll() is None for process in processes), [process.communicate() for process in processes]
        time.sleep(0.02)


def assert_alike(run, other):
    """The models of two runs differ by rounding alone."""
    for found, wanted in zip(*(jax.tree.leaves(package.load(folder)) for folder in (run, other)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_two_processes_that_read_half_of_each_batch_train_as_one_does(start, attend, squares, tiny_flags, tmp_path):
    for number, image in enumerate(squares.images):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{number:02}.png")
    out, alone, stream = tmp_path / "run", tmp_path / "alone", ["--stream", "--flip", "both"]
    assert attend("train", tmp_path, "--out", alone, *tiny_flags, *stream)[0] == 0
    words_of = by_address()
    processes = start(out, 0, lambda process: [*words_of(process), *stream], source=tmp_path)
    (said, errors), (said_too, errors_too) = (process.communicate(timeout=300) for process in processes)
    assert [process.returncode for process in processes] == [0, 0], errors + errors_too
    assert said == f"trained to step {STEPS}; saved in {out}\n"
    assert said_too == errors_too == ""  # only the first speaks
    assert all(line.startswith("step ") for line in errors.splitlines()), errors
    assert RunFolder(out).checkpoints.steps() == [10, 15, 20]
    assert_alike(out, alone)


@pytest.mark.slow
def test_when_the_first_process_is_killed_the_other_says_so_and_one_goes_on(
    start, attend, scenes_file, run_folder, tmp_path
):
    out = tmp_path / "run"
    first, other = processes = start(out, 0.5, lambda process: ["--coordinator", "auto"], by_slurm())
    wait_for_rows(out, 7, processes)
    first.kill()
    said, errors = other.communicate(timeout=100)
    assert (other.returncode, said) == (2, "")
    assert errors.startswith("attend: another process of this training is gone")
    assert "--resume" in errors
    assert errors.count("\n") == 1
    assert max(RunFolder(out).checkpoints.steps()) < STEPS
    status, said, errors = attend("train", scenes_file, "--out", out, "--resume")
    assert (status, said) == (0, f"trained to step {STEPS}; saved in {out}\n"), errors
    assert_alike(out, run_folder)


ENDINGS = {
    "work": "return 3, 'attend: three'",
    "abort": "os.write(2, b'a page of log\\n'); os.abort()",
    "lost": "os.write(2, b'the JAX distributed service detected fatal errors'); os.abort()",
    "error": "raise KeyError('unforeseen')",
    "interrupted": "os.kill(os.getppid(), signal.SIGINT)\n    while True: time.sleep(0.1)",
}
"""What work that is guarded does; a signal that comes just before a sleep is heeded after it."""


@pytest.mark.parametrize(
    ("ending", "status", "line"),
    [
        ("work", 3, "attend: three"),
        ("abort", 1, "a page of log\nattend: the training was ended by SIGABRT"),
        ("lost", 2, "attend: another process of this training is gone"),
        ("error", 1, "Traceback"),
        ("interrupted", 1, "Traceback"),
    ],
)
def test_a_guarded_process_ends_with_a_status_and_a_reason(ending, status, line):
    work = f"import os, signal, time\nfrom attend.cli.guard import guarded\ndef work():\n    {ENDINGS[ending]}\n"
    ended = subprocess.run(
        [sys.executable, "-c", work + "status, said = guarded(work); print(said); raise SystemExit(status)"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (ended.returncode, ended.stderr) == (status, "")
    assert ended.stdout.startswith(line)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--process", "1"], "coordinator: is missing; --process and --processes need it"),
        (["--devices", "0"], "devices: is 0; it must be from 1 to 1, as many as there are (cpu)"),
        (["--devices", "2"], "devices: is 2; it must be from 1 to 1, as many as there are (cpu)"),
    ],
)
def test_what_cannot_be_is_refused(refused, scenes_file, tiny_flags, tmp_path, words, line):
    assert line in refused("train", scenes_file, "--out", tmp_path / "run", *tiny_flags, *words)
    assert not (tmp_path / "run").exists()
