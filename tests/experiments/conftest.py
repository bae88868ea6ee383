import pytest

from attend.experiments import Settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(tmp_path / "runs", quick=True)
