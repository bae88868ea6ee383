"""How long training takes until the counts on validation scenes are right, for each of several seeds.

uv run python benchmarks/time_to_accuracy.py mnist:PATH --seeds 0 1 2 3 4

Whole trainings, as `attend.fit` runs them. The figures are read from the rows of metrics that every run logs, so that
a time is known to the interval between two evaluations, and compiling and evaluating are included in it. With
`--steps` the warm-up, the annealing and the learning rate are fitted to so many steps, as `attend train` does it.
"""

import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from common import compile_fast, print_table

import attend
import attend.fitting
from attend.data import datasets, load
from attend.errors import AttendError
from attend.training import RunFolder


def main(
    data: Annotated[str, tyro.conf.Positional] = "digits",
    preset: str = "default",
    targets: tuple[float, ...] = (0.98, 0.99),
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    steps: int | None = None,
    every: int = 100,
    n: int | None = None,
    quick: bool = False,
) -> None:
    """Print a table of trainings.

    Args:
        data: a data set with splits, such as `digits` or `mnist:PATH`.
        preset: the configuration to train.
        targets: count accuracies on the validation scenes, 0 to 1.
        seeds: one training each.
        steps: optimiser steps; those of the preset if not given.
        every: steps between two evaluations.
        n: training scenes; as many as the data set makes if not given.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if data.partition(":")[0] not in datasets:
        raise AttendError(f"data: {data!r} has no splits; it must be one of {', '.join(datasets)}")
    settings: dict[str, Any] = {} if steps is None else {"steps": steps}
    if quick:
        compile_fast()
        n, seeds, settings = 16, seeds[:1], {"steps": 4, "batch_size": 4}
    attend.fitting.EVALUATE_EVERY = every
    train, valid = load(data, split="train", n=n), load(data, split="valid", n=n if quick else None)
    every_run = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            attend.fit(train, config=preset, seed=seed, run=run, validation=valid, **settings)
            every_run.append(figures(RunFolder(run).metrics(), targets))
    medians = [statistics.median(column) for column in zip(*every_run, strict=True)]
    reached = [heading for target in targets for heading in (f"{target:.1%} after", "steps")]
    print_table(
        ("seed", *reached, "end after", "steps", "accuracy", "ELBO"),
        [(str(name), *told(found)) for name, found in [*zip(seeds, every_run, strict=True), ("median", medians)]],
        (
            f"{data}, preset {preset}: {len(train)} training and {len(valid)} validation scenes, "
            f"evaluated every {every} steps; what is to be reached is the accuracy of their counts.",
            "Times are wall time from the start of training, compiling and evaluating included.",
        ),
    )


def figures(metrics: list[dict[str, Any]], targets: Sequence[float]) -> list[float]:
    """When a run reached each target, in seconds and steps, infinite if never; then the same of its end, and more."""
    evaluated = [row for row in metrics if "count_accuracy" in row]
    found: list[float] = []
    for target in targets:
        reached = next((row for row in evaluated if row["count_accuracy"] >= target), None)
        found += [math.inf] * 2 if reached is None else [reached["seconds"], reached["step"]]
    return found + [evaluated[-1][key] for key in ("seconds", "step", "count_accuracy", "elbo")]


def told(found: Sequence[float]) -> list[str]:
    """The cells of a row of the table."""
    *times, accuracy, elbo = found
    cells = [
        "not reached" if math.isinf(n) else f"{n:.0f} s" if i % 2 == 0 else f"{n:,.0f}" for i, n in enumerate(times)
    ]
    return [*cells, f"{accuracy:.2%}", f"{elbo:.1f}"]


if __name__ == "__main__":
    tyro.cli(main)
