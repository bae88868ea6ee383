import jax
import pytest

from attend.experiments import Settings


@pytest.fixture(scope="session", autouse=True)
def compile_in_a_hurry(tmp_path_factory):
    """Let the many tiny trainings share their programs, and compile those with little care."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
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
def settings(tmp_path) -> Settings:
    return Settings(tmp_path / "runs", quick=True)
