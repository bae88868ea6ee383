"""What it would take to look at a billion images with `attend infer --cluster`: machines, hours, bytes moved, cost.

uv run python benchmarks/reckoning.py

Nothing is looked at: it is a simulation of what `attend.distributed` does. The images are cut into parts. Each worker
takes the next part when it has ended one. Machines fail at random; what their workers were at is begun anew by the next
worker that is free, and a machine takes some time to come back. Every number that it depends on is an argument. Rates
and bytes are to be measured (benchmarks/inference.py, benchmarks/folder.py, benchmarks/cluster.py); prices and failures
are assumptions.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import tyro
from common import print_table

PATH = 100
"""Bytes of the listing for each image."""


@dataclass(frozen=True)
class Fleet:
    """Machines that look at images.

    Attributes:
        machines: how many there are.
        workers: of each.
        rate: images a second of each worker.
        failures: of a machine in an hour.
        restart: seconds until a machine that failed works again.
    """

    machines: int
    workers: int
    rate: float
    failures: float
    restart: float


def main(
    images: float = 1e9,
    rate: float = 560,
    image_bytes: float = 100_000,
    row_bytes: float = 522,
    part: int = 1024,
    machines: tuple[int, ...] = (1, 4, 16, 128),
    cores: int = 64,
    cores_of_a_worker: int = 4,
    price: float = 0.04,
    failures: float = 0.02,
    restart: float = 300,
    spread: float = 0.2,
    storage: float = 20,
    seed: int = 0,
    quick: bool = False,
) -> None:
    """Print a table.

    Args:
        images: how many.
        rate: images that a core decodes and looks at in a second.
        image_bytes: of a file.
        row_bytes: of both tables, for an image and its objects.
        part: images in a part.
        machines: in each of several fleets.
        cores: of a machine.
        cores_of_a_worker: as `attend infer` has it; a worker is that many times as fast as a core.
        price: of a core for an hour, in dollars.
        failures: of a machine in an hour.
        restart: seconds until a machine that failed works again, and until a fleet has started.
        spread: standard deviation of the time of a part, relative to its mean.
        storage: gigabytes a second that can be read together.
        seed: of times and failures.
        quick: a thousandth of the images, to see that it works.
    """
    if quick:
        images /= 1000
    parts = int(-(-images // part))
    rows = []
    for count in machines:
        workers = cores // cores_of_a_worker
        together = min(rate * cores * count, storage * 1e9 / image_bytes)
        fleet = Fleet(count, workers, together / (count * workers), failures, restart)
        seconds, again = simulated(fleet, parts, part, spread, np.random.default_rng(seed))
        hours = (seconds + restart) / 3600
        rows.append(
            (
                f"{count:,}",
                f"{count * workers:,}",
                f"{hours:,.2f}",
                "storage" if together < rate * cores * count else "cores",
                f"{again:,} ({again / parts:.3%})",
                f"{together * image_bytes / 1e9:,.1f}",
                f"{hours * count * cores * price:,.0f}",
            )
        )
    notes = (
        f"Bytes moved, whatever the fleet: {images * image_bytes / 1e12:,.1f} TB of images read; "
        f"{images * row_bytes / 1e9:,.0f} GB of tables written, in {2 * parts:,} files; {images * PATH / 1e9:,.0f} GB "
        "of listing, if each image is a file of its own; and through Ray a number and a report for each part.",
        f"Assumed: {images:,.0f} images of {image_bytes:,.0f} bytes; {rate:,g} images/s for each core; {cores} cores a "
        f"machine, {cores_of_a_worker} of them a worker, which is as fast as they are together; parts of {part:,} "
        f"images, whose times differ by {spread:.0%}; {storage:g} GB/s of storage; {failures:g} failures of a machine "
        f"an hour; {restart:g} s to start; {price:g} dollars for a core an hour, and nothing for storage and traffic.",
        f"A simulation with seed {seed}: nothing of it was run on a cluster.",
    )
    headings = ("machines", "workers", "hours", "bound by", "parts begun anew", "GB/s read", "dollars")
    print_table(headings, rows, notes)


def simulated(fleet: Fleet, parts: int, part: int, spread: float, rng: np.random.Generator) -> tuple[float, int]:
    """Seconds until all parts are done, and how many were begun anew since a machine failed."""
    mean = part / fleet.rate
    between = 3600 / fleet.failures if fleet.failures > 0 else np.inf
    fails = between * rng.exponential(size=fleet.machines)
    times = mean * np.maximum(1 + spread * rng.standard_normal(2**16), 0.1)
    free = [(0.0, worker) for worker in range(fleet.machines * fleet.workers)]
    last, waiting, again = 0.0, parts, 0
    while waiting:
        now, worker = heapq.heappop(free)
        machine = worker // fleet.workers
        if now > fails[machine]:  # it has come back
            fails[machine] = now + between * rng.exponential()
        end = now + times[waiting % len(times)]
        if end < fails[machine]:
            last, waiting = max(last, end), waiting - 1
            heapq.heappush(free, (end, worker))
        else:
            again += 1
            heapq.heappush(free, (fails[machine] + fleet.restart, worker))
    return last, again


if __name__ == "__main__":
    tyro.cli(main)
