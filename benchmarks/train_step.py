"""How long a training step takes, and which share of the machine's matrix-product rate it reaches.

uv run python benchmarks/train_step.py

Steps are timed as `attend.fit` takes them, in the compiled loop, with batches, noise, gradient and Adam.
"""

from typing import NamedTuple

import jax
import numpy as np
import tyro
from common import (
    MATRIX_SIDES,
    compile_fast,
    matrix_flops,
    matrix_product_rate,
    median_seconds,
    peak_memory,
    print_table,
    scenes,
)

from attend import Config
from attend.config import preset
from attend.fitting import start_training
from attend.training import make_advance

CASES = (("paper", "exact"), ("paper", "nvil"), ("default", "exact"))
"""Preset and estimator of each row."""


class Step(NamedTuple):
    """What a training step costs."""

    seconds: float
    flops: int
    parameters: int


def main(chunks: int = 9, steps: int = 50, batch_size: int = 64, n: int = 4096, quick: bool = False) -> None:
    """Print a table of training steps.

    Args:
        chunks: timed calls of the compiled loop, of which the median counts.
        steps: steps in a chunk.
        batch_size: images a step.
        n: scenes to draw the batches from.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    sides = MATRIX_SIDES
    if quick:
        compile_fast()
        chunks, steps, batch_size, n, sides = 1, 1, 4, 16, (32,)
    images = scenes(n).images
    rates = [matrix_product_rate(sides)]
    costs = {}
    for name, estimator in CASES:
        config = preset(name).replace(estimator=estimator, batch_size=batch_size)
        costs[f"{name}, {estimator}"] = measure(config, images, chunks, steps)
        rates.append(matrix_product_rate(sides))
    best = max(rates)
    print_table(
        ("preset, estimator", "parameters", "ms a step", "images/s", "GFLOP a step", "GFLOP/s", "of machine's rate"),
        [
            (
                case,
                f"{cost.parameters / 1e6:.2f} M",
                f"{cost.seconds * 1e3:.2f}",
                f"{batch_size / cost.seconds:,.0f}",
                f"{cost.flops / 1e9:.2f}",
                f"{cost.flops / cost.seconds / 1e9:.1f}",
                f"{cost.flops / cost.seconds / best:.0%}",
            )
            for case, cost in costs.items()
        ],
        (
            f"Batch {batch_size}, 50x50x1; median of {chunks} chunks of {steps} steps, after one to warm up.",
            "FLOP: the matrix products of loss and gradient (2 m n k each, counted in the jaxpr); Adam counts nothing.",
            f"The machine's float32 matrix-product rate: {best / 1e9:.1f} GFLOP/s, the best of several sizes in this "
            f"run (measured {len(rates)} times: {', '.join(f'{rate / 1e9:.1f}' for rate in rates)}).",
            f"Peak memory of the process: {peak_memory()}.",
        ),
    )


def measure(config: Config, images: np.ndarray, chunks: int, steps: int) -> Step:
    """Time `chunks` calls of the compiled loop, `steps` steps each."""
    height, width, channels = images.shape[1:]
    start = start_training(config, (height, width, channels), seed=0)
    state = start.state
    batch = images[: config.train.batch_size]
    gradient = jax.value_and_grad(start.loss, has_aux=True)
    flops = matrix_flops(gradient, state.params, batch, state.key, state.step)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    advance = make_advance(start.loss, start.optimiser, images, config.train.batch_size)

    def chunk():
        nonlocal state  # `advance` uses the state up
        state, metrics = advance(state, steps)
        return metrics

    return Step(median_seconds(chunk, chunks) / steps, flops, parameters)


if __name__ == "__main__":
    tyro.cli(main)
