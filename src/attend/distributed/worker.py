"""What each worker of a cluster does: look at one part after another, and write what is found."""

import dataclasses
import json
import os
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from attend.data import ImageStream
from attend.distributed.parts import Contents, Unreadable, read_part, write_part
from attend.errors import AttendError
from attend.exports import Results
from attend.looking import Looker, looker_of, open_source
from attend.looking.piecewise import looked

MOST_TRIES = 5
"""Workers that may die in the middle of one part, before it is taken for the cause."""


@dataclass(frozen=True)
class Job:
    """What a worker needs to know; it goes to another process.

    Attributes:
        run: as of `looker_of`, a path that all workers see.
        tiled: as of `looker_of`.
        fingerprint: of the looker, which must be the same everywhere.
        version: of this package, likewise.
        stream: all images, with what its rules leave open decided.
        step: pieces of the stream in a part.
        folder: in which the parts are written, a path that all workers see.
    """

    run: str
    tiled: bool
    fingerprint: str
    version: str
    stream: ImageStream
    step: int
    folder: Path

    def __len__(self) -> int:
        """How many parts there are."""
        return -(-len(self.stream) // self.step)

    def tries(self, number: int) -> Path:
        """A file with a line for each worker that has begun a part and not ended it: its machine and its process."""
        return self.folder / "tries" / f"{number:06}"


@dataclass(frozen=True)
class Report:
    """What a worker says of a part that is done.

    Attributes:
        contents: what is in its tables.
        notes: what was done to the images, each a line.
        died: how many workers have died in it before.
    """

    contents: Contents
    notes: list[str]
    died: int


class Worker:
    """Looks at parts; it holds the looker from the first one on."""

    def __init__(self, job: Job):
        self.job = job

    def look(self, number: int) -> Report:
        """See to it that a part is done.

        Raises:
            AttendError: its images cannot be looked at, this machine lacks something, or workers die in it again and
                again.
        """
        job = self.job
        done = read_part(job.folder, number)
        if done is not None:
            return Report(done, [], 0)
        looker = self._looker
        died = self._begin(number)
        notes: dict[str, None] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each file that cannot be read is in the report
            contents = write_part(job.folder, number, self._found(looker, number, notes))
        job.tries(number).unlink(missing_ok=True)
        return Report(contents, list(notes), died)

    @cached_property
    def _looker(self) -> Looker:
        job, here = self.job, socket.gethostname()
        if (own := version("attend")) != job.version:
            raise AttendError(f"{here}: has attend {own}; it must be {job.version}, as on the machine that asks")
        if not job.folder.exists():
            raise AttendError(
                f"{here}: does not see {job.folder}; --out must be on a file system that all machines share"
            )
        looker = looker_of(job.run, tiled=job.tiled)
        if looker.fingerprint() != job.fingerprint:
            raise AttendError(f"{here}: {job.run} is another model there; all machines must see the same")
        return looker

    def _begin(self, number: int) -> int:
        """Note that a part is begun; how often it was before."""
        path = self.job.tries(number)
        try:
            path.parent.mkdir(exist_ok=True)
            died = path.read_text().count("\n") if path.exists() else 0
            with open(path, "a") as file:
                file.write(f"{socket.gethostname()} {os.getpid()}\n")
        except OSError as error:
            raise AttendError(f"{path}: cannot be written ({error.strerror or error})") from error
        if died >= MOST_TRIES:
            first = self.job.stream.entries[number * self.job.step * self.job.stream.step]
            raise AttendError(
                f"{first.place}: {died} workers died at it or at one of the {self.job.step * self.job.stream.step - 1} "
                "files after it; they may need more memory"
            )
        return died

    def _found(
        self, looker: Looker, number: int, notes: dict[str, None]
    ) -> Iterator[tuple[Results | None, list[Unreadable]]]:
        """What is found in the pieces of a part."""
        stream = self.job.stream
        part = stream.part(number * self.job.step, (number + 1) * self.job.step)
        source = dataclasses.replace(open_source(part, looker), count=len(stream))  # which decides what is compiled

        def tell(_: str, note: str) -> None:
            notes.setdefault(note)

        pieces = looked(looker, source, 0, 0, tell, lambda *_: None)
        for piece, (found, skipped) in enumerate(pieces):
            files = iter(range(piece * stream.step, len(part.entries)))
            yield found, [Unreadable(_name(part, files, line), line) for line in skipped]


def _name(part: ImageStream, files: Iterator[int], line: str) -> str:
    """The name of the next file that a line is about."""
    entries = (part.entries[i] for i in files)
    return next(entry.name for entry in entries if line.startswith(f"{entry.place}: "))


class Mapper:
    """A worker as Ray Data calls it: from a batch of numbers of parts to one of reports, as JSON."""

    def __init__(self, job: Job):
        self._worker = Worker(job)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[str]]:
        """Look at the parts of a batch; what is wrong with one is in its report."""
        return {"report": [self._report(number) for number in batch["item"].tolist()]}

    def _report(self, number: int) -> str:
        try:
            return json.dumps(dataclasses.asdict(self._worker.look(number)))
        except AttendError as error:
            return json.dumps({"error": str(error)})
