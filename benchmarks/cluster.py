"""What `attend infer --cluster` makes of a folder of images when a worker is killed, against one process.

uv run python benchmarks/cluster.py

Both commands look at the same PNGs of multi-digit scenes: one process, which keeps all cores busy, and a Ray cluster of
this machine alone. One worker of the cluster is killed (SIGKILL) in the middle of a part, once half of the parts are
done. Then the tables are compared. The times include the start of all processes and, on the first run, compiling.
Without --run a model learns from such scenes before, for 400 steps.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import tyro
from common import compile_fast, print_table, scenes
from PIL import Image
from pyarrow import parquet

from attend import fit

PART = 1024
"""Images in a part."""

SMALL = {"max_objects": 1, "cell": "lstm", "cell_widths": (4,), "encoder_widths": (4,), "decoder_widths": (4,)}
"""Settings of a model that compiles soon."""

ATTEND = "import sys; from attend.cli import main; sys.exit(main())"


def main(n: int = 20_000, workers: int = 2, run: Path | None = None, quick: bool = False) -> None:
    """Print a table.

    Args:
        n: images.
        workers: of the cluster.
        run: a run folder or a saved model of grey images of 50x50 pixels.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    learned, settings = 4096, cast(dict[str, Any], {"steps": 400})
    if quick:
        os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # for the processes below
        compile_fast()
        n, learned, settings = 200, 8, {"steps": 2, "batch_size": 4, "warmup_steps": 0, **SMALL}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        write_images(path / "images", n)
        shown = run or f"a model that has learned for {settings['steps']} steps"
        if run is None:
            run = path / "model.npz"
            fit(scenes(learned).images, progress=False, **settings).save(run)
        words = ["infer", str(run), str(path / "images"), "--ground", "dark", "--out"]
        one = timed([*words, str(path / "one.parquet")])
        killed = None if quick else (path / "many.unfinished", n // PART // 2)
        many = timed([*words, str(path / "many"), "--cluster", "--workers", str(workers)], killed)
        alone = parquet.read_table(path / "one.parquet")
        images, objects = (whole(path / "many" / table) for table in ("images", "objects"))
        names = sorted(str(file.relative_to(path / "images")) for file in (path / "images").rglob("*.png"))
        rows = [
            ("images", f"{n:,}"),
            ("objects, one process", f"{len(alone):,}"),
            ("objects, cluster", f"{len(objects):,}"),
            ("every image exactly once", yes(images["image"].to_pylist() == names)),
            ("same boxes, and all else in the rows, bit for bit", yes(objects.equals(alone))),
            ("one process", f"{n / one:,.0f} images/s"),
            (f"cluster of {workers} workers, {'none' if quick else 'one'} killed", f"{n / many:,.0f} images/s"),
            ("bytes of both tables for each image", f"{size(path / 'many') / n:,.0f}"),
        ]
    print_table(("what", "measured"), rows, (f"{n:,} PNGs of 50x50 pixels; {shown}.",))


def write_images(folder: Path, n: int) -> None:
    """Write scenes of digits, in folders of a thousand."""
    for number, image in enumerate(scenes(n).images):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(path)


def timed(words: list[str], killed: tuple[Path, int] | None = None) -> float:
    """Seconds that a command takes, in which a worker is killed as of `kill_one`, if that is asked for."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", ATTEND, *words], stdout=sys.stderr) as process:
        if killed is not None:
            kill_one(*killed, process)
        assert process.wait() == 0, words
    return time.perf_counter() - start


def kill_one(folder: Path, after: int, process: subprocess.Popen[bytes]) -> None:
    """Kill a worker that has begun a part and not ended it, once `after` parts are done."""
    while process.poll() is None:
        done = len(list((folder / "images").glob("[!.]*")))
        for path in (folder / "tries").glob("*") if done >= after else ():
            with contextlib.suppress(OSError, IndexError, ValueError):
                os.kill(int(path.read_text().split()[1]), signal.SIGKILL)
                time.sleep(0.1)
                if not (folder / "images" / f"part-{path.name}.parquet").exists():  # else it had just ended
                    return
        time.sleep(0.001)
    raise AssertionError("no worker was killed: all parts were done too soon")


def whole(folder: Path) -> pa.Table:
    return pa.concat_tables(parquet.ParquetFile(path).read() for path in sorted(folder.iterdir()))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def yes(true: bool) -> str:
    return "yes" if true else "NO"


if __name__ == "__main__":
    tyro.cli(main)
