"""Whether a training that streams its images keeps memory bounded, and whether reading keeps up with the step.

uv run python benchmarks/stream.py

Each measurement has a process of its own. The images are PNGs in Parquet files, of a thousand different ones again and
again, in row groups of a thousand; they come from the page cache, so that it is decoding, shuffling and training that
are compared, not the disk. Memory is the peak of a whole training, with the survey before and the count prior's refit
after it; its steps are few, since it is reached in the first hundred and at the end.
"""

import io
import os
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from PIL import Image
from processes import alone, peak_mebibytes

DIFFERENT = 1000
"""Images with pixels of their own, and rows in a row group."""

SHARD = 50
"""Row groups in a file."""

TINY: dict[str, Any] = {"max_objects": 1, "cell": "lstm", "cell_widths": (8,), "what": 2, "glimpse": 4, "batch_size": 8}
TINY |= {"encoder_widths": (8,), "decoder_widths": (8,)}
"""The model of a quick run."""


def main(n: int = 50_000, times: int = 20, side: int = 64, steps: int = 300, quick: bool = False) -> None:
    """Print a table.

    Args:
        n: images of the smaller training.
        times: how many times as many the larger one has.
        side: of the images, in pixels.
        steps: of each training.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    settings: dict[str, Any] = {}
    if quick:
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # for the processes below, before they load JAX
        n, times, side, steps, settings = 40, 2, 8, 4, TINY
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder, "few"), Path(folder, "many")
        make_shards(few, n, side)
        make_shards(many, times * n, side)
        _, read_few = alone(reading, few, steps)
        rate, read_many = alone(reading, many, steps)
        in_memory, memory_in_memory = alone(training, few, steps, settings, False)
        _, memory_few = alone(training, few, steps, settings, True)
        streamed, memory_many = alone(training, many, steps, settings, True)

    from common import print_table  # here, since it loads JAX: a child counts its parent's memory as its own

    rows = [
        (f"peak memory, {n:,} images in memory", f"{memory_in_memory:,.0f} MiB"),
        (f"peak memory, {n:,} images streamed", f"{memory_few:,.0f} MiB"),
        (f"peak memory, {times * n:,} images streamed", f"{memory_many:,.0f} MiB"),
        (f"{times * n:,} streamed against {n:,} streamed", f"{memory_many / memory_few:.2f}"),
        (f"{times * n:,} streamed against {n:,} in memory", f"{memory_many / memory_in_memory:.2f}"),
        (f"peak memory, reading {n:,} images alone", f"{read_few:,.0f} MiB"),
        (f"peak memory, reading {times * n:,} images alone", f"{read_many:,.0f} MiB"),
        ("reading alone", f"{rate:,.0f} images/s"),
        ("training on images in memory", f"{in_memory:,.0f} images/s"),
        ("training on streamed images", f"{streamed:,.0f} images/s"),
        ("streamed against in memory", f"{streamed / in_memory:.0%}"),
    ]
    note = f"{side}x{side} PNGs in Parquet, preset default, {steps} steps, seed 0."
    print_table(("what", "measured"), rows, (note,))


def make_shards(folder: Path, n: int, side: int) -> None:
    """Write Parquet files of n images with two squares each on a ground with noise."""
    import pyarrow
    import pyarrow.parquet

    rng = np.random.default_rng(0)
    images = []
    for _ in range(DIFFERENT):
        pixels = rng.integers(32, size=(side, side), dtype=np.uint8)
        for y, x in rng.integers(side - side // 4, size=(2, 2)):
            pixels[y : y + side // 4, x : x + side // 4] += 200
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        images.append({"bytes": file.getvalue(), "path": None})
    group = pyarrow.table({"image": pyarrow.array(images)})
    folder.mkdir()
    for number, first in enumerate(range(0, n, SHARD * DIFFERENT)):
        path = folder / f"train-{number:05}.parquet"
        with pyarrow.parquet.ParquetWriter(path, group.schema, compression="none", use_dictionary=False) as writer:
            for start in range(first, min(n, first + SHARD * DIFFERENT), DIFFERENT):
                writer.write_table(group.slice(0, min(DIFFERENT, n - start)))


def reading(path: Path, steps: int) -> tuple[float, float]:
    """Images read in a second, and the most memory that was used, in MiB."""
    from attend.data import open_shuffled

    stream = open_shuffled(path)
    assert stream is not None
    batches = stream.batches(64, 0)
    next(batches)
    start = time.perf_counter()
    read = sum(len(batch) for batch in islice(batches, steps))
    rate = read / (time.perf_counter() - start)
    batches.close()
    return rate, peak_memory()


def training(path: Path, steps: int, settings: dict[str, Any], streamed: bool) -> tuple[float, float]:
    """Images learned from in a second, and the most memory that was used, in MiB."""
    import attend
    from attend.data import load, open_shuffled
    from attend.training import RunFolder

    images = open_shuffled(path) if streamed else load(path)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        attend.fit(images, config="default", steps=steps, run=run, progress=False, **settings)
        rate = float(np.median([row["images_per_second"] for row in RunFolder(run).metrics()]))
    return rate, peak_memory()


def peak_memory() -> float:
    """The most memory that this process has used, in MiB."""
    return peak_mebibytes()


if __name__ == "__main__":
    tyro.cli(main)
