"""What `attend infer` makes of a folder of JPEGs: how fast against decoding alone, and whether memory grows with it.

uv run python benchmarks/folder.py

Each measurement has a process of its own. The files are hard links to a few dozen different ones, so that a large
folder takes little room and comes from the page cache: it is decoding and inference that are compared, not the disk.
Before a time is taken, the same is done for one piece, so that nothing is compiled while the clock runs; reading the
model, listing the files and writing the table are in it. Without --run the parameters are fresh: a pass costs the same,
but nothing is found, so the table is empty.
"""

import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import tyro
from PIL import Image
from processes import alone, peak_mebibytes

DIFFERENT = 64
"""Files with pixels of their own."""


def main(n: int = 20_000, side: int = 512, small: int = 64, run: Path | None = None, quick: bool = False) -> None:
    """Print a table.

    Args:
        n: images whose rates are measured; memory is measured for as many and for ten times as many.
        side: of the images whose rates are measured, in pixels.
        small: of the images for which memory is measured, in pixels.
        run: a run folder or a saved model of square images; all files are resized to those.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if quick:
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # for the processes below, before they load JAX
        n, side, small = 8, 32, 16
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        model_side = alone(save_model, path / "model.npz", run)
        for name, count, pixels in (("photos", n, side), ("few", n, small), ("many", 10 * n, small)):
            make_folder(path / name, count, pixels)
        decoding = alone(decode_rate, path, "photos", model_side)
        inference = alone(inference_rate, path, "photos", model_side)
        few, many = (alone(inference_memory, path, name, model_side) for name in ("few", "many"))

    from common import print_table  # here, since it loads JAX: a child counts its parent's memory as its own

    rows = [
        (f"decoding alone, {side}x{side}", f"{decoding:,.0f} images/s"),
        (f"attend infer, {side}x{side}", f"{inference:,.0f} images/s"),
        ("attend infer against decoding", f"{inference / decoding:.0%}"),
        (f"peak memory, {n:,} images of {small}x{small}", f"{few:,.0f} MiB"),
        (f"peak memory, {10 * n:,} images of {small}x{small}", f"{many:,.0f} MiB"),
        ("peak memory, the one against the other", f"{many / few:.2f}"),
    ]
    print_table(
        ("what", "measured"), rows, (f"{n:,} JPEGs; {run or 'a fresh model'}, --resize {model_side} {model_side}.",)
    )


def make_folder(folder: Path, n: int, side: int) -> None:
    """Write n JPEGs: noise of every scale, about as hard to decode as photographs, in folders of a thousand."""
    rng = np.random.default_rng(0)
    for number in range(n):
        path = folder / f"{number // 1000:03}" / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number >= DIFFERENT:
            os.link(folder / "000" / f"{number % DIFFERENT:06}.jpg", path)
            continue
        scales = [2**i for i in range(1, int(math.log2(side)))]
        grain = sum(upscaled(rng.normal(128 / scale, 40 / scale, (scale, scale)), side) for scale in scales)
        Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).save(path, quality=90)


def upscaled(pixels: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def save_model(path: Path, run: Path | None) -> int:
    """Write the model to be measured; returns the side of its images."""
    import jax

    from attend import Model, ModelConfig, load

    model = load(run) if run else Model.create(ModelConfig(), (50, 50, 1), jax.random.key(0))
    model.save(path)
    return model.size[0]


def decode_rate(path: Path, name: str, side: int) -> float:
    """Images read in a second."""
    from attend.data import Rules, open_stream

    def read(piece_limit: int | None) -> int:
        stream = open_stream(path / name, (side, side, 1), rules=Rules(resize=(side, side), ground="dark"))
        assert stream is not None
        images = 0
        for number, piece in enumerate(stream.pieces(), start=1):
            images += 0 if piece.data is None else len(piece.data)
            if number == piece_limit:
                break
        return images

    read(1)
    start = time.perf_counter()
    return read(None) / (time.perf_counter() - start)


def inference_rate(path: Path, name: str, side: int) -> float:
    """Images inferred in a second."""
    n = sum(1 for _ in (path / name).rglob("*.jpg"))
    infer(path, name, side, min(n, 256))
    start = time.perf_counter()
    infer(path, name, side)
    return n / (time.perf_counter() - start)


def inference_memory(path: Path, name: str, side: int) -> float:
    """The most memory that inference has used, in MiB."""
    infer(path, name, side)
    return peak_mebibytes()


def infer(path: Path, name: str, side: int, n: int | None = None) -> None:
    from attend.cli import main

    words = ["infer", path / "model.npz", path / name, "--out", path / "found.csv", "--resize", side, side]
    words += ["--ground", "dark", *(["--n", n] if n else [])]
    status = main([str(word) for word in words])
    assert status == 0, status


if __name__ == "__main__":
    tyro.cli(main)
