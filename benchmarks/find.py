"""What `attend find` takes: from the command to the result, and for a look at a large image once it has learned.

uv run python benchmarks/find.py

Images are drawn: discs of 14 pixels on uneven light, some of which touch. Each measurement has a process of its own.
The first two compile what they need unless an earlier command has. Before the rate of looking is taken, one look is
made.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tyro
from PIL import Image
from processes import alone, peak_mebibytes

DIAMETER, EACH = 14, 900
"""Of the discs, in pixels, and pixels for each of them."""


def main(side: int = 4096, quick: bool = False) -> None:
    """Print a table.

    Args:
        side: of the large image, in pixels; memory is measured for half of that as well.
        quick: run everything at a tiny size to see that it works; the figures then mean nothing.
    """
    if quick:
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # for the processes below, before they load JAX
        side = 128
    sets = {"one": (1, 96)} if quick else {"24 images of 256x256": (24, 256), "1 image of 1,000x1,000": (1, 1000)}
    with tempfile.TemporaryDirectory() as folder:
        taken = {name: alone(find, Path(folder), n, pixels, quick) for name, (n, pixels) in sets.items()}
    looks = {pixels: alone(look, pixels) for pixels in (side // 2, side)}

    from common import print_table  # here, since it loads JAX: a child counts its parent's memory as its own

    rows = [
        *((f"attend find, {name}", f"{seconds:.0f} s") for name, seconds in taken.items()),
        *((f"one look at {pixels}x{pixels}", f"{rate:.2f} megapixels/s") for pixels, (rate, _) in looks.items()),
        *((f"peak memory of it, {pixels}x{pixels}", f"{used:,.0f} MiB") for pixels, (_, used) in looks.items()),
    ]
    print_table(("what", "measured"), rows, (f"Discs of {DIAMETER} pixels, one in every {EACH} pixels, drawn.",))


def drawn(side: int, seed: int) -> np.ndarray:
    """An image of discs."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(20, 60, side, dtype=np.float32)
    image = np.add.outer(slope, slope) + rng.normal(0, 4, (side, side)).astype(np.float32)
    reach = np.arange(-DIAMETER // 2, DIAMETER // 2 + 1)
    disc = np.clip(DIAMETER / 2 - np.hypot(*np.meshgrid(reach, reach)) + 0.5, 0, 1)
    for row, column in rng.integers(DIAMETER, side - DIAMETER, (side**2 // EACH, 2)):
        part = image[row + reach[0] : row + reach[-1] + 1, column + reach[0] : column + reach[-1] + 1]
        part += np.where(part < 150, 90 * disc, 0)
    return image.clip(0, 255).astype(np.uint8)


def find(path: Path, n: int, side: int, quick: bool) -> float:
    """Seconds from the command to its result."""
    images, out = path / f"{n}-{side}", path / f"{n}-{side}-found"
    images.mkdir()
    for number in range(n):
        Image.fromarray(drawn(side, number)).save(images / f"{number:03}.png")
    words = ["find", str(images), "--out", str(out), *(["--rounds", "0", "--diameter", "14"] if quick else [])]
    start = time.perf_counter()

    from attend.cli import main

    with contextlib.redirect_stdout(sys.stderr):
        status = main(words)
    assert status == 0, status
    return time.perf_counter() - start


def look(side: int) -> tuple[float, float]:
    """Megapixels that are looked at in a second, and the most memory that this took, in MiB."""
    from attend.field import universal
    from attend.finding import Finder, Kind
    from attend.finding.calibration import Calibration

    finder = Finder(universal(), Kind("bright", DIAMETER), Calibration(), 1, turns=1)
    image = drawn(side, 0)[..., None]
    finder.infer(image[: side // 2, : side // 2])
    start = time.perf_counter()
    scenes = finder.infer(image)
    seconds = time.perf_counter() - start
    assert scenes.counts[0] > 0
    return image.size / 1e6 / seconds, peak_mebibytes()


if __name__ == "__main__":
    tyro.cli(main)
