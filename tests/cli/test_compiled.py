"""What is compiled by one run of the command line is found again by the next."""

import os
import subprocess
import sys

import pytest

from attend.cli.compiled import FOLDER, keep_compiled

PROGRAM = """
from attend.cli.compiled import keep_compiled
keep_compiled()
import jax
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event) if event.endswith("cache_hits") else None)
jax.jit(lambda x: jax.numpy.sin(x) @ x)(jax.numpy.ones((3, 3)))
print(bool(hits))
"""


def run(cache) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMPILATION_CACHE")}
    env = plain | {"XDG_CACHE_HOME": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is Linux's")
def test_a_second_process_compiles_nothing(tmp_path):
    assert run(tmp_path) == "False"
    assert any((tmp_path / "attend" / "compiled").rglob("*-cache"))
    assert run(tmp_path) == "True"


def test_where_nothing_can_be_kept_nothing_is(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    keep_compiled()
    assert FOLDER not in os.environ


def test_a_folder_that_the_user_has_named_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, "mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_compiled()
    assert os.environ[FOLDER] == "mine"
    assert not list(tmp_path.iterdir())
