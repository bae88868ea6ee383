"""How much memory there is, and how much a computation takes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from attend import memory
from attend.memory import as_text, available, peak_bytes

MB = 2**20


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 100 MB free, whose groups have no limit."""
    files = {"MEMINFO": "meminfo", "OWN_GROUP": "own", "CGROUP": "cgroup"}
    for name, file in files.items():
        monkeypatch.setattr(memory, name, tmp_path / file)
    (tmp_path / "meminfo").write_text(f"MemTotal: 999 kB\nMemAvailable:   {100 * 1024} kB\n")
    (tmp_path / "own").write_text("0::/work/one\n")

    def group(path, **files):
        folder = tmp_path / "cgroup" / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name.replace("memory_", "memory.", 1)).write_text(f"{content}\n")

    return group


def test_without_a_limit_it_is_what_the_machine_has(machine):
    assert available() == 100 * MB
    machine("work/one", memory_max="max", memory_current=5 * MB, memory_stat="inactive_file 0")
    assert available() == 100 * MB


@pytest.mark.parametrize("path", ["work/one", "work", ""])
def test_a_limit_of_any_group_counts_and_cached_files_do_not(machine, path):
    machine(path, memory_max=50 * MB, memory_current=30 * MB, memory_stat=f"anon 7\ninactive_file {10 * MB}")
    assert available() == 30 * MB


def test_groups_of_the_first_version(machine, tmp_path):
    (tmp_path / "own").write_text("5:cpu:/x\n7:memory:/work\n")
    limit = {"memory_limit_in_bytes": 40 * MB, "memory_usage_in_bytes": 10 * MB, "memory_stat": "inactive_file 0"}
    machine("memory/work", **limit)
    assert available() == 30 * MB


def test_a_group_beyond_its_limit_has_nothing_left(machine):
    machine("work", memory_max=MB, memory_current=2 * MB, memory_stat="inactive_file 0")
    assert available() == 0


def test_this_machine_says_something():
    there = available()
    assert there is None or there > 10 * MB


def test_the_peak_is_what_is_needed_at_once():
    x = jax.ShapeDtypeStruct((1000, 100), jnp.float32)
    one = 4 * 1000 * 100
    assert peak_bytes(lambda x: x + 1, x) == one
    assert peak_bytes(lambda x: jnp.sin(jnp.sin(jnp.sin(x))), x) == 2 * one
    assert peak_bytes(lambda x: [x + 1, x + 2, x + 3], x) == 3 * one
    assert peak_bytes(jax.jit(lambda x: [x + 1, x + 2, x + 3]), x) >= 3 * one
    assert peak_bytes(lambda x: (x @ x.T).sum(), x) >= 4 * 1000 * 1000


def test_the_peak_of_a_gradient_has_what_each_step_of_a_loop_leaves():
    def loss(x):
        return jax.lax.scan(lambda y, _: (jnp.sin(y), None), x, length=50)[0].sum()

    x = jax.ShapeDtypeStruct((1000,), jnp.float32)
    assert peak_bytes(jax.grad(loss), x) >= 50 * 4000 > peak_bytes(loss, x)


@pytest.mark.slow
def test_the_estimate_is_near_what_the_compiler_says():
    def loss(w, x):
        for _ in range(4):
            x = jnp.tanh(x @ w)
        return (x**2).sum()

    w, x = np.zeros((256, 256), np.float32), np.zeros((4096, 256), np.float32)
    said = jax.jit(jax.grad(loss)).lower(w, x).compile().memory_analysis().temp_size_in_bytes
    assert 0.5 < peak_bytes(jax.grad(loss), w, x) / said < 3


@pytest.mark.parametrize(
    ("size", "text"), [(31_606_452_192, "31.6 GB"), (2_500_000, "2 MB"), (999_400_000, "999 MB"), (5_400, "5 kB")]
)
def test_sizes_are_read_by_people(size, text):
    assert as_text(size) == text
