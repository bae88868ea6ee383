"""A training on several devices is that on one, but for rounding."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from regression import assert_equal, make_state

from attend.errors import AttendError
from attend.training.devices import ONE, Devices, any_says, check_same, is_first, join, losing_none

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """What `eight_devices.py` prints."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    words = [sys.executable, str(HERE / "eight_devices.py"), str(tmp_path_factory.mktemp("runs"))]
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": paths}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_eight_devices_come_to_the_loss_of_one_after_100_steps(eight):
    assert eight["losses"]["on 8"] == pytest.approx(eight["losses"]["on 1"], rel=1e-4)


@pytest.mark.slow
def test_a_training_on_eight_goes_on_on_one_or_two(eight):
    for number in (1, 2):
        assert eight["losses"][f"from 8 on {number}"] == pytest.approx(eight["losses"]["on 1"], rel=1e-4)


@pytest.mark.slow
def test_a_stream_on_eight_devices_is_that_on_one(eight):
    assert eight["losses"]["streamed on 8"] == pytest.approx(eight["losses"]["streamed on 1"], rel=1e-4)


@pytest.mark.slow
def test_each_device_computes_its_part_and_they_tell_each_other_one_sum(eight):
    assert eight["programs"] == {
        "1": {"told": [], "batches": [16]},
        "8": {"told": ["all-reduce"], "batches": [2]},
    }


@pytest.mark.slow
def test_which_devices_there_are(eight):
    assert eight["by default"] == 1  # of a processor
    assert eight["refusals"] == [
        "devices: is 9; it must be from 1 to 8, as many as there are (cpu); "
        "XLA_FLAGS=--xla_force_host_platform_device_count=N divides a processor",
        "batch_size: is 12; it must be a multiple of 8, the number of devices, which share each batch equally",
        "batch_size: is 16; it must be a multiple of 3, the number of devices, which share each batch equally",
    ]


def test_one_device_is_left_alone():
    state = make_state()
    assert Devices.chosen(None, 7) == ONE == Devices.chosen(1, 7)
    assert ONE.number == 1
    assert ONE.here(state) is ONE.of_first(state) is ONE.divided(state) is ONE.undivided(state) is state
    assert is_first()
    assert any_says(True)
    assert not any_says(False)
    check_same("settings", np.zeros(3))


def test_what_is_whole_on_a_mesh_is_here_as_it_was():
    mesh = Devices(jax.sharding.Mesh(np.array(jax.devices()), ("data",)))
    assert_equal(mesh.here(mesh.of_first(make_state())), make_state())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("here",), "coordinator: is 'here'; it must be HOST:PORT or auto"),
        (("here:0", 0, 2), "coordinator: is 'here:0'; it must be HOST:PORT or auto"),
        (("here:80", 1), "coordinator: with HOST:PORT, --process and --processes must be given as well"),
        (("here:80", 2, 2), "process: is 2 of 2 processes; it must be from 0 to 1"),
        (("auto", 0, 2), "coordinator: is auto, which finds out --process and --processes itself"),
    ],
)
def test_processes_that_cannot_be_joined(arguments, line):
    with pytest.raises(AttendError) as caught:
        join(*arguments)
    assert line in str(caught.value)


def test_errors_of_one_process_are_its_own():
    with pytest.raises(RuntimeError, match="Gloo"), losing_none():
        raise RuntimeError("Gloo all-reduce failed")


@pytest.fixture
def two():
    """Two processes that train together, each with what it prints."""
    from socket import socket

    with socket() as listening:
        listening.bind(("localhost", 0))
        address = f"localhost:{listening.getsockname()[1]}"
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    words = [sys.executable, str(HERE / "two_processes.py"), address]
    processes = [
        subprocess.Popen(
            [*words, str(process)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for process in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        while (line := process.stdout.readline()) != "10\n":
            assert line, process.communicate()
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_the_first_process_survives_the_other_to_say_one_line(two):
    first, other = two
    other.kill()
    _, errors = first.communicate(timeout=100)
    assert first.returncode == 2
    assert errors.startswith("attend: another process of this training is gone")
    assert errors.count("\n") == 1


@pytest.mark.slow
def test_control_c_in_one_process_stops_both_at_the_same_step(two):
    two[1].send_signal(signal.SIGINT)
    said, same = (process.communicate(timeout=100)[1] for process in two)
    assert [process.returncode for process in two] == [130, 130]
    assert said == same
    assert said.startswith("attend: stopped at step ")
