"""Makes `tests/` importable, so that every folder below can use `tiny`, and makes hypothesis repeatable.

Most of what tests do is to compile tiny programs. So these are compiled with little care, without a note of the lines
that each operation comes from, without XLA's emitters of fusions, which take two thirds of the time, each in one piece,
and kept for whichever test or process compiles the same one again. It is said in the environment, before JAX is
imported, for processes that tests start must come to the same bits. Where Python is told to keep nothing of what it
compiles, which makes each of these processes compile all its libraries, it keeps that as well while the tests run.
"""

import atexit
import contextlib
import os
import resource
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings
from no_skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401, pytest finds its hooks here

if "ATTEND_TESTS_COMPILED" not in os.environ:
    os.environ["ATTEND_TESTS_COMPILED"] = tempfile.mkdtemp(prefix="attend-tests-")
    atexit.register(shutil.rmtree, os.environ["ATTEND_TESTS_COMPILED"], ignore_errors=True)
os.environ |= {
    "JAX_COMPILATION_CACHE_DIR": os.environ["ATTEND_TESTS_COMPILED"],
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
}
if version("jaxlib").startswith("0.10.") and "fusion_emitters" not in os.environ.get("XLA_FLAGS", ""):
    # Only for versions that are known to have the flag: XLA ends a process whose flags it does not know.
    flags = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
if sys.dont_write_bytecode:
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.path.join(os.environ["ATTEND_TESTS_COMPILED"], "python")
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import jax

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=25)
settings.load_profile("repeatable")


MAPS = Path("/proc/self/maps")
MOST_MAPS = 20_000
"""Linux gives a process 65,530 maps of memory, a compiled program takes some, and without one XLA ends in a crash."""


@pytest.fixture(scope="module", autouse=True)
def few_maps():
    """Forget what was compiled before it takes too many maps; it is still on disk."""
    yield
    if MAPS.exists() and len(MAPS.read_bytes().splitlines()) > MOST_MAPS:
        jax.clear_caches()


def _with_care():
    jax.clear_caches()  # of what other files have compiled with little
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)
    jax.clear_caches()


@pytest.fixture(scope="module")
def compiling_with_care():
    """For files of tests that run long and compile little."""
    yield from _with_care()


@pytest.fixture
def one_compiled_with_care():
    """For a single test whose results must agree almost to the bit."""
    yield from _with_care()


@pytest.fixture
def full_disk():
    """A block in which no file can grow beyond some bytes: the system refuses it as it does when a disk is full."""

    @contextlib.contextmanager
    def limit(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        sys.dont_write_bytecode = True  # Python does not notice that what it has compiled is cut off
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            sys.dont_write_bytecode = False

    return limit


SLOWEST = (
    "test_experiments",
    "test_benchmarks",
    "test_processes",
    "test_finding",
    "test_find",
    "test_docs",
    "test_fit",
)
"""Files that take longest: they are begun first, so that no core waits for one of them at the end."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: SLOWEST.index(item.path.stem) if item.path.stem in SLOWEST else len(SLOWEST))


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=2, help="how often tests/cli/test_kills.py kills a training")


@pytest.fixture(scope="module")
def few_dreams():
    """For files of tests that make finders, most of whose time goes into dreams: with few of them they find the same,
    and tell less well how sure they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attend.finding.prior.DREAMS", 60)
        patch.setattr("attend.finding.finder.DREAMS", 40)
        yield
