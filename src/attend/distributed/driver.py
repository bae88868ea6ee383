"""`look_over_cluster`: from images to tables, with many machines."""

import dataclasses
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attend.data import ImageStream, Reading, open_stream
from attend.data.listing import read_listing, write_listing
from attend.distributed.parts import PARTS, part_file
from attend.distributed.ray_cluster import LOCAL, check_ray, joined, shared
from attend.distributed.worker import Job, Mapper
from attend.errors import AttendError
from attend.files import check_new_folder, leftovers
from attend.looking import Totals, check_unfinished, looker_of, open_source
from attend.looking.kept import alone_in, put_in_place, unfinished_folder
from attend.looking.piecewise import Progress, Tell, check_all, depends_on, ignore, warn

PIECES, LARGE_PIECES = 4, 16
"""Pieces of a stream in a part: 1,024 files, or 16 where a piece is a file, since each of them takes long."""

MOST_TASKS = 10_000
"""That Ray is given at once; a task is some parts, one after another."""


def look_over_cluster(
    run: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    tiled: bool = False,
    address: str = LOCAL,
    workers: int | None = None,
    step: int | None = None,
    resume: bool = False,
    tell: Tell = warn,
    progress: Progress = ignore,
    **options: Any,
) -> Totals:
    """Find the objects in images with the workers of a Ray cluster, and write tables of them as partitioned Parquet.

    The rows are those of `look_into` on one machine, whoever dies meanwhile: a part of the images is done exactly if
    its tables are there, and each is written whole or not at all. They are in `OUT.unfinished` until all are there.

    `out/images` has a row for each image: `image`, `width`, `height`, `count`, `listed`, `expected_count`, `count_low`,
    `count_high`, `density_per_megapixel`, as of `attend.exports.write_counts`, and `error`, which only a file has that
    cannot be read. `out/objects` has a row for each object, as of `attend.exports.write_parquet`. In both, the files
    `part-NUMBER.parquet` follow each other in the order of the images.

    Args:
        run: as of `looker_of`. It, the images and `out` must be on a file system that all machines share.
        images: the path of image files, as of `open_stream`: a folder, a pattern, a list, or Parquet.
        out: a new or an empty folder.
        tiled: as of `looker_of`.
        address: of a Ray cluster: `HOST:PORT`, or `auto` on a machine of it. `local` is one of this machine alone. A
            cluster that this process has joined already is used whatever this says.
        workers: how many processes look; if None, one for each accelerator, or for each four cores.
        step: pieces of the images in a part; if None, so many that a part has 1,024 small files or 16 large ones.
        resume: go on with what a stopped call has left behind, if there is something.
        tell: hears what was done to the images; warnings if not given.
        progress: hears how many parts are done.
        **options: of files, as of `open_stream`.

    Raises:
        AttendError: the images cannot be read, `out` cannot be written, Ray is not installed, or the cluster fails.
    """
    check_ray()
    out, run = Path(out).absolute(), Path(run).absolute()
    folder = unfinished_folder(out)
    check_new_folder(out)
    check_unfinished(folder, resume)
    looker = looker_of(run, tiled=tiled)
    stream = open_stream(
        os.fspath(images), looker.size, large=looker.any_size, split="test", rules=looker.rules, **options
    )
    if stream is None:
        raise AttendError(
            f"{images}: is no path of image files; a cluster takes a folder, a pattern, a list or Parquet"
        )
    step = step or (LARGE_PIECES if stream.large else PIECES)
    source = open_source(stream, looker)
    about = depends_on(looker, source) | {"number of files in a part": str(step * stream.step)}
    with alone_in(folder, about, lambda: any((folder / "objects").glob("*.parquet"))):
        _clear(folder)
        job = Job(str(run), tiled, looker.fingerprint(), version("attend"), _to_send(stream, folder), step, folder)
        images_done = objects = listed = died = 0
        lines: list[str] = []
        notes: dict[str, None] = {}
        progress(0, len(job))
        with joined(address):
            for number, report in enumerate(_reports(job, workers), 1):
                for note in report["notes"]:
                    if note not in notes:
                        tell(stream.source, note)
                        notes[note] = None
                images_done += report["contents"]["images"]
                objects += report["contents"]["objects"]
                listed += report["contents"]["listed"]
                lines += report["contents"]["lines"]
                died += report["died"]
                progress(number, len(job))
        _check_whole(job)
        check_all(source, images_done, lines, tell)
        for line in sorted(lines):
            warnings.warn(f"{line}; skipped", stacklevel=2)
        if died:
            tell(stream.source, f"parts that were done again since a worker died at them: {died:,}")
        _clear(folder)
        put_in_place(folder, out)
    return Totals(images_done, objects, listed, len(lines))


def _to_send(stream: ImageStream, folder: Path) -> ImageStream:
    """The images as workers get them: with what the rules leave open decided, and a listing in place of paths."""
    decided = Reading(stream.rules)
    if stream.rules.ground is None or stream.rules.range is None:
        try:
            decided = stream.surveyed
        except AttendError:
            if stream.rules.ground is None:
                raise
    entries = stream.entries
    if not entries.in_rows and not isinstance(entries[0].content, Path):
        raise AttendError(f"{stream.source}: is an archive; a cluster takes it unpacked, or as Parquet")
    if not entries.in_rows:
        listing = folder / "listing.arrow"
        write_listing(entries, listing)
        entries = read_listing(listing, len(entries))
    return dataclasses.replace(stream, entries=entries, decided=decided)


def _reports(job: Job, workers: int | None) -> Iterator[dict[str, Any]]:
    """The report of each part, as they are done.

    Raises:
        AttendError: a worker has met what it cannot look at, or the cluster fails.
    """
    import ray
    import ray.data
    from ray.exceptions import RayError, RayTaskError

    share = shared(workers)
    try:
        numbers = ray.data.from_items(list(range(len(job))), override_num_blocks=min(len(job), MOST_TASKS))
        reports = numbers.map_batches(
            Mapper,
            fn_constructor_args=(job,),
            batch_size=1,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(size=min(share.workers, len(job))),
            num_cpus=share.cores,
            num_gpus=share.accelerators or None,
        )
        for row in reports.iter_rows():
            report = json.loads(row["report"])
            if "error" in report:
                raise AttendError(report["error"])
            yield report
    except RayTaskError:  # a fault of this package, of which the traceback tells
        raise
    except RayError as error:
        raise AttendError(f"--cluster: {error}") from error


def _check_whole(job: Job) -> None:
    """Raise AttendError unless there are the tables of every part, and no others."""
    expected = {part_file(job.folder, "images", number).name for number in range(len(job))}
    found = {path.name for path in (job.folder / "images").iterdir() if path.name[0] != "."}
    if wrong := sorted(expected ^ found):
        kind = "is missing" if wrong[0] in expected else "is no part of these images"
        raise AttendError(f"{job.folder / 'images' / wrong[0]}: {kind}; was it written by another command?")


def _clear(folder: Path) -> None:
    """Delete what workers that died have begun, and what only the looking needs."""
    for table in PARTS:
        (folder / table).mkdir(exist_ok=True)
        for path in leftovers(folder / table):
            path.unlink(missing_ok=True)
    shutil.rmtree(folder / "tries", ignore_errors=True)
    (folder / "listing.arrow").unlink(missing_ok=True)
