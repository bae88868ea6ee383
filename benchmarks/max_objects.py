"""How time and memory of a training step grow with the most objects that a scene can have.

uv run python benchmarks/max_objects.py
"""

from typing import Any

import jax
import tyro
from common import compile_fast, median_seconds, print_table, scenes

from attend.config import preset
from attend.fitting import start_training
from attend.training import make_advance


def main(
    renderer: str = "patch",
    chunks: int = 5,
    steps: int = 10,
    batch_size: int = 64,
    objects: tuple[int, ...] = (1, 3, 6, 12),
    quick: bool = False,
) -> None:
    """Print a table of training steps of the preset `default`.

    Args:
        renderer: `patch`, `alpha` or `flat`.
        chunks: timed calls of the compiled loop, of which the median counts.
        steps: steps in a chunk.
        batch_size: images a step.
        objects: values of `max_objects`, a row each.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if quick:
        compile_fast()
        chunks, steps, batch_size, objects = 1, 1, 4, (1, 2)
    images = scenes(16 * batch_size).images
    rows = []
    for most in objects:
        config = preset("default").replace(max_objects=most, renderer=renderer, batch_size=batch_size)
        start = start_training(config, images.shape[1:], seed=0)
        state = start.state
        gradient = jax.jit(jax.value_and_grad(start.loss, has_aux=True))
        compiled: Any = gradient.lower(state.params, images[:batch_size], state.key, state.step).compile()
        memory = compiled.memory_analysis().temp_size_in_bytes / 2**20
        advance = make_advance(start.loss, start.optimiser, images, batch_size)

        def chunk(advance=advance):
            nonlocal state  # `advance` uses the state up
            state, metrics = advance(state, steps)
            return metrics

        milliseconds = 1000 * median_seconds(chunk, chunks) / steps
        rows.append(
            (str(most), f"{milliseconds:.1f}", f"{milliseconds / most:.1f}", f"{memory:.0f}", f"{memory / most:.0f}")
        )
    print_table(
        ("max_objects", "ms a step", "an object", "MiB", "an object"),
        rows,
        (
            f"Preset default, renderer {renderer}, batch {batch_size}, 50x50x1; median of {chunks} chunks of {steps} "
            "steps, after one to warm up.",
            "MiB: what loss and gradient of a batch need beyond parameters and images, as compiled.",
        ),
    )


if __name__ == "__main__":
    tyro.cli(main)
