"""Every benchmark runs from its command line, at a tiny size, and prints a table."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
BENCHMARKS = sorted(path.name for path in FOLDER.glob("*.py") if path.name not in ("common.py", "processes.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_prints_a_table_with_quick(name):
    command = [sys.executable, FOLDER / name, "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, rule, *rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert set(rule) <= set("|-: ")
    assert rows
    assert "Machine: " in done.stdout
