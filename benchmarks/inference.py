"""How many images a second a model infers, and how much memory that takes.

uv run python benchmarks/inference.py

Times `Model.infer` as a user calls it: NumPy images in, `Scenes` with boxes, patches and reconstructions out. Each
preset sees scenes of its own kind. Its parameters are fresh, because a pass costs the same whatever they are.
"""

import jax
import tyro
from common import compile_fast, median_seconds, peak_memory, print_table, scenes

from attend import PRESETS, Model
from attend.data import datasets


def main(n: int = 4096, batch_sizes: tuple[int, ...] = (1, 64, 256), repeats: int = 5, quick: bool = False) -> None:
    """Print a table of inference.

    Args:
        n: images in a call; a sixteenth of it at batch size 1.
        batch_sizes: images on the device at once.
        repeats: timed calls, of which the median counts.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if quick:
        compile_fast()
        n, batch_sizes, repeats = 4, (2,), 1
    presets = dict(list(PRESETS.items())[: 2 if quick else None])
    images_of = {name: scenes(n, name if name in datasets else "digits").images for name in presets}
    before = peak_memory()
    rows = []
    for name, config in presets.items():
        images = images_of[name]
        model = Model.create(config.model, images.shape[1:], jax.random.key(0))
        for batch_size in batch_sizes:
            given = images[: max(1, n // 16)] if batch_size == 1 else images

            def infer(model=model, given=given, batch_size=batch_size):
                return model.infer(given, batch_size=batch_size).count_probs

            time = median_seconds(infer, repeats)
            rate = (f"{len(given) / time:,.0f}", f"{time / len(given) * 1e3:.3f}")
            rows.append((name, "x".join(map(str, images.shape[1:])), str(batch_size), *rate))
    print_table(
        ("preset", "images", "batch size", "images/s", "ms an image"),
        rows,
        (
            f"uint8; {n} images a call, median of {repeats} calls after one to warm up.",
            f"Peak memory of the process: {peak_memory()}; it was {before} before, with the data in memory.",
        ),
    )


if __name__ == "__main__":
    tyro.cli(main)
