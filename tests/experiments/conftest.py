import pytest

from attend.experiments import Settings


@pytest.fixture(scope="module", autouse=True)
def in_a_hurry(compiling_in_a_hurry):
    pass


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(tmp_path / "runs", quick=True)
