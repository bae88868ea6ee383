"""How long `attend infer` of one image takes from the shell to its result, the first time and after that.

uv run python benchmarks/start.py

The first command compiles its programs and keeps them, in a folder of its own here; the others find them there. Each
command is a process of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tyro


def main(preset: str = "default", again: int = 5, quick: bool = False) -> None:
    """Print a table.

    Args:
        preset: of the model.
        again: commands after the first, of which the median counts.
        quick: run everything at a tiny size to see that it works; the figures then mean nothing.
    """
    if quick:
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # for the processes below
        again = 1
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _attend("data", "digits", "--n", "1", "--out", place / "image.npz")
        small = ["--steps", "1", "--train.warmup-steps", "0", "--train.batch-size", "4", "--n", "4"]
        _attend("train", "digits", "--preset", preset, *small, "--out", place / "run")
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(place / "compiled")}
        infer = ["infer", place / "run", place / "image.npz", "--out"]
        taken = [_attend(*infer, place / f"{n}.json", environment=environment) for n in range(1 + again)]
        nothing = [_attend("--help") for _ in range(again)]

    from common import print_table  # here, since it loads JAX

    rows = [
        ("the first", f"{taken[0]:.1f} s"),
        ("again, median", f"{statistics.median(taken[1:]):.1f} s"),
        ("attend --help, median", f"{statistics.median(nothing):.1f} s"),
    ]
    print_table(("attend infer of one image", "measured"), rows, (f"Preset {preset}, 50x50 pixels, {again} times.",))


def _attend(*words: object, environment: dict[str, str] | None = None) -> float:
    """Seconds that a command takes."""
    command = [Path(sys.executable).with_name("attend"), *map(str, words)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stderr
    return seconds


if __name__ == "__main__":
    tyro.cli(main)
