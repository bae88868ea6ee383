"""Makes `tests/` importable, so that every folder below can use `tiny`, and makes hypothesis repeatable."""

import contextlib
import resource

import jax
import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=25)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory, request):
    """Where programs are kept that several tests compile, in whichever process they run."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if hasattr(request.config, "workerinput") else base) / "compiled"


@pytest.fixture(scope="module")
def compiling_in_a_hurry(compiled):
    """Lets many tiny trainings share their programs, and compiles those with little care.

    A module at a time, because other tests compare bits with a process that compiles as usual.
    """
    settings = {
        "jax_compilation_cache_dir": str(compiled),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_disable_most_optimizations": True,
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def full_disk():
    """A block in which no file can grow beyond some bytes: the system refuses it as it does when a disk is full."""

    @contextlib.contextmanager
    def limit(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=2, help="how often tests/cli/test_kills.py kills a training")
