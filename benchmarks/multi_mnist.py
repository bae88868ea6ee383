"""Train preset `default` from several seeds and evaluate each on test scenes: the table in the README.

    uv run python benchmarks/multi_mnist.py mnist:PATH --seeds 0 1 2 3 4 --out multi-mnist

DATA is `digits`, `mnist` or `mnist:PATH`. Each run folder is kept under --out; a run that is there already is not
trained again, only measured, and one that was interrupted goes on.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from common import print_table

import attend
from attend.cli.evaluate import measure
from attend.data import load

SAMPLES = 2000
"""Scenes drawn from each model, whose counts are compared with the data's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    reports = [report(arguments.data, seed, arguments.out / f"seed-{seed}") for seed in arguments.seeds]
    columns = {
        "count accuracy": ("count_accuracy", 1),
        "ECE": ("count_ece", 1),
        "mean IoU": ("mean_iou", 1),
        "AP50": ("ap50", 1),
        "ELBO": ("elbo", 0),
        "bound, K=100": ("iw_bound", 0),
        "probe of `what`": ("what_probe_accuracy", 1),
        "sampled counts, TV": ("sample_total_variation", 1),
        "3 digits": ("extrapolation", 1),
        "minutes": ("minutes", 0),
    }
    rows = [
        [str(seed), *(shown(r[key], share) for key, share in columns.values()), str(r["step_to_98"])]
        for seed, r in zip(arguments.seeds, reports, strict=True)
    ]
    medians = [statistics.median(r[key] for r in reports) for key, _ in columns.values()]
    rows.append(["median", *(shown(m, share) for m, (_, share) in zip(medians, columns.values(), strict=True)), ""])
    print_table(
        ["seed", *columns, "98 % at (step, s)"],
        rows,
        ["3 digits: count accuracy on scenes of 3, a count not in training.", "98 % is of validation scenes."],
    )


def shown(value: float, share: int) -> str:
    return f"{value:.4f}" if share else f"{value:.1f}"


def report(source: str, seed: int, run: Path) -> dict[str, Any]:
    """Train one model, or take the one that is there, and measure it."""
    train, valid, test = (load(source, split=split) for split in ("train", "valid", "test"))
    model = attend.fit(train, seed=seed, run=run, resume=run.exists(), validation=valid)
    three = load(source, split="test", n=2000, seed=1, counts=(3,))
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    reached = [(row["step"], round(row["seconds"])) for row in rows if row.get("count_accuracy", 0) >= 0.98]
    assert test.counts is not None
    sampled = np.bincount(model.sample(SAMPLES, seed=seed)[1], minlength=4) / SAMPLES
    true = np.bincount(test.counts, minlength=4) / len(test)
    return measure(model, test, test.images, samples=100, seed=0) | {
        "sample_total_variation": float(np.abs(sampled - true).sum() / 2),
        "extrapolation": float(np.mean(model.infer(three.images).counts == 3)),
        "minutes": rows[-1]["seconds"] / 60,
        "step_to_98": reached[0] if reached else None,
    }


if __name__ == "__main__":
    main()
