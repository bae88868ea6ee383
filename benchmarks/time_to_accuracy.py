"""How long training takes until the counts on validation scenes are right, for each of several seeds.

uv run python benchmarks/time_to_accuracy.py mnist:PATH --seeds 0 1 2 3 4

Whole trainings, as `attend.fit` runs them. The figures are read from the rows of metrics that every run logs, so that
a time is known to the interval between two evaluations, and compiling and evaluating are included in it.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import tyro
from common import compile_fast, print_table

import attend.config
from attend.data import datasets, load
from attend.errors import AttendError
from attend.fitting import EVALUATE_EVERY
from attend.training import RunFolder


def main(
    data: Annotated[str, tyro.conf.Positional] = "digits",
    preset: str = "default",
    target: float = 0.98,
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    steps: int | None = None,
    n: int | None = None,
    quick: bool = False,
) -> None:
    """Print a table of trainings.

    Args:
        data: a data set with splits, such as `digits` or `mnist:PATH`.
        preset: the configuration to train.
        target: count accuracy on the validation scenes, 0 to 1.
        seeds: one training each.
        steps: optimiser steps; those of the preset if not given.
        n: training scenes; as many as the data set makes if not given.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if data.partition(":")[0] not in datasets:
        raise AttendError(f"data: {data!r} has no splits; it must be one of {', '.join(datasets)}")
    config = attend.config.preset(preset)
    if steps is not None:
        config = config.replace(steps=steps)
    if quick:
        compile_fast()
        n, seeds, config = 16, seeds[:1], config.replace(steps=4, batch_size=4, warmup_steps=0)
    train, valid = load(data, split="train", n=n), load(data, split="valid", n=n if quick else None)
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            attend.fit(train, config=config, seed=seed, run=run, validation=valid)
            rows.append(describe(seed, RunFolder(run).metrics(), target))
    print_table(
        ("seed", f"{target:.0%} after", "steps", "whole training", "steps", "final accuracy", "final ELBO"),
        rows,
        (
            f"{data}, preset {preset}: {len(train)} training and {len(valid)} validation scenes, "
            f"evaluated every {EVALUATE_EVERY} steps; the target is {target:.1%} count accuracy.",
            "Times are wall time from the start of training, compiling and evaluating included.",
        ),
    )


def describe(seed: int, metrics: list[dict[str, Any]], target: float) -> tuple[str, ...]:
    """The table's row for a run, from its rows of metrics."""
    evaluated = [row for row in metrics if "count_accuracy" in row]
    reached = next((row for row in evaluated if row["count_accuracy"] >= target), None)
    last = evaluated[-1]
    return (
        str(seed),
        "not reached" if reached is None else f"{reached['seconds']:.0f} s",
        "-" if reached is None else f"{reached['step']:,}",
        f"{last['seconds']:.0f} s",
        f"{last['step']:,}",
        f"{last['count_accuracy']:.2%}",
        f"{last['elbo']:.1f}",
    )


if __name__ == "__main__":
    tyro.cli(main)
