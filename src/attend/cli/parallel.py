"""Training on several devices and in several processes: the options, and what joins the processes."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import arg

from attend.errors import AttendError


@dataclass(frozen=True)
class Parallel:
    """Several devices share each batch; the training is the same as on one."""

    devices: Annotated[
        int | None,
        arg(metavar="INT", help_behavior_hint="(default: all accelerators that can share a batch; one processor)"),
    ] = None
    """Number of devices of each process. A batch must be a multiple of all."""
    coordinator: Annotated[str | None, arg(metavar="HOST:PORT|auto", help_behavior_hint="(default: one process)")] = (
        None
    )
    """Train in several processes: where the first listens for the others, or auto under SLURM, Open MPI or Kubernetes.
    All are given the same command, and RUN is where all can read it; the first writes."""
    process: Annotated[int | None, arg(metavar="INT", help_behavior_hint="(needed with HOST:PORT)")] = None
    """The number of this process, from 0."""
    processes: Annotated[int | None, arg(metavar="INT", help_behavior_hint="(needed with HOST:PORT)")] = None
    """The number of processes."""

    def join(self) -> bool:
        """Join the other processes of a training; whether this process is the first, or the only one.

        The others do not speak unless they fail.

        Raises:
            AttendError: the options contradict each other, or the first process cannot be reached.
        """
        if self.coordinator is None:
            if self.process is not None or self.processes is not None:
                raise AttendError("coordinator: is missing; --process and --processes need it")
            return True
        from attend.training.devices import is_first, join

        join(self.coordinator, self.process, self.processes)
        if not is_first():
            sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115, it is open until the process ends
        return is_first()

    def leave(self) -> None:
        """Part from the other processes at the end of the training."""
        if self.coordinator is not None:
            from attend.training.devices import leave

            leave()


ParallelOptions = tyro.conf.OmitArgPrefixes[Parallel]


def is_one_of_several(words: Sequence[str]) -> bool:
    """Whether a command line starts one of several processes."""
    return any(word.partition("=")[0] == "--coordinator" for word in words)
