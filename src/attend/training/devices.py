"""The devices that one training runs on together, in one process or in several.

Each step's batch is divided equally among the devices; parameters, optimiser and data are whole on each of them. The
compiler puts in what the devices have to tell each other, which is the sum of their gradients.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from attend.errors import AttendError
from attend.training.leaves import is_key, like, raw

AXIS = "data"
"""The one axis of the mesh: examples of a batch are divided along it."""

AUTO = "auto"
"""In place of an address: a cluster's own variables say which process this is and where the first one is."""

LOST = (
    "another process of this training is gone, or cannot be reached; start the training again with --resume to go on "
    "from the last checkpoint, on as many processes and devices as there are"
)

SAY_LOST = ("Gloo", "NCCL", "coordination service", "distributed service", "Connection closed by peer", "heartbeat")
"""What JAX and the libraries below it say, the one or the other, when a process cannot be reached."""


@dataclass(frozen=True)
class Devices:
    """The first few devices of every process of a training; without a mesh, the one device that JAX computes on."""

    mesh: Mesh | None = None

    @classmethod
    def chosen(cls, number: int | None, batch_size: int) -> "Devices":
        """So many devices of each process; None is all accelerators that can share a batch equally, or one processor.

        Raises:
            AttendError: there are not so many, or they cannot share a batch equally.
        """
        processes = jax.process_count()
        own = [[d for d in jax.devices() if d.process_index == process] for process in range(processes)]
        there = min(len(devices) for devices in own)
        kind = own[0][0].platform
        if number is None:
            most = 1 if kind == "cpu" else there
            number = next((n for n in range(most, 1, -1) if batch_size % (n * processes) == 0), 1)
        if not 1 <= number <= there:
            more = "; XLA_FLAGS=--xla_force_host_platform_device_count=N divides a processor" if kind == "cpu" else ""
            raise AttendError(
                f"devices: is {number}; it must be from 1 to {there}, as many as there are ({kind}){more}"
            )
        chosen = [device for devices in own for device in devices[:number]]
        if batch_size % len(chosen):
            raise AttendError(
                f"batch_size: is {batch_size}; it must be a multiple of {len(chosen)}, the number of devices, which "
                "share each batch equally"
            )
        return cls() if len(chosen) == 1 else cls(Mesh(np.array(chosen), (AXIS,)))

    @property
    def number(self) -> int:
        """How many devices, of all processes."""
        return 1 if self.mesh is None else self.mesh.size

    def whole(self, tree: PyTree) -> PyTree:
        """Arrays, which every process has, whole on each device; random keys as well."""
        if self.mesh is None:
            return jax.tree.map(jax.numpy.asarray, tree)
        sharding = NamedSharding(self.mesh, PartitionSpec())

        def place(leaf: Any) -> jax.Array:
            numbers = raw(leaf)
            placed = jax.make_array_from_callback(numbers.shape, sharding, lambda index: numbers[index])
            return like(placed, leaf)

        return jax.tree.map(place, tree)

    @property
    def part(self) -> tuple[int, int]:
        """Which part of each batch is for the devices of this process, from 0, and of how many equal ones."""
        return (0, 1) if self.mesh is None else (jax.process_index(), jax.process_count())

    def batches(self, own: PyTree) -> PyTree:
        """Batches one after another, each divided among the devices, of which every process has its own part."""
        if self.mesh is None:
            return self.whole(own)
        sharding = NamedSharding(self.mesh, PartitionSpec(None, AXIS))
        return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(sharding, leaf), own)

    def of_first(self, tree: PyTree) -> PyTree:
        """Like `whole`, with the values that the first process has; on one device the tree as it is."""
        if self.mesh is None:
            return tree
        if jax.process_count() > 1:
            numbers = multihost_utils.broadcast_one_to_all(jax.tree.map(raw, tree))
            tree = jax.tree.map(lambda own, leaf: like(jax.numpy.asarray(own), leaf), numbers, tree)
        return self.whole(tree)

    def divided(self, batch: PyTree) -> PyTree:
        """Inside a compiled function: a batch of which each device has an equal part."""
        return self._constrained(batch, PartitionSpec(AXIS))

    def undivided(self, tree: PyTree) -> PyTree:
        """Inside a compiled function: arrays that each device has whole."""
        return self._constrained(tree, PartitionSpec())

    def _constrained(self, tree: PyTree, spec: PartitionSpec) -> PyTree:
        return tree if self.mesh is None else jax.lax.with_sharding_constraint(tree, NamedSharding(self.mesh, spec))

    def here(self, tree: PyTree) -> PyTree:
        """Of arrays that each device has whole, those of one device of this process, for it to compute with alone."""
        if self.mesh is None:
            return tree

        def local(leaf: jax.Array) -> jax.Array:
            numbers = jax.random.key_data(leaf) if is_key(leaf) else leaf
            return like(numbers.addressable_data(0), leaf)

        return jax.tree.map(local, tree)


def sharing(number: int | None) -> int:
    """How many devices with a memory of their own will share a batch if there are to be so many of each process."""
    if jax.local_devices()[0].platform == "cpu":
        return 1  # processes may be on one machine
    return jax.process_count() * (number or jax.local_device_count())


ONE = Devices()
"""The one device that JAX computes on."""


def join(coordinator: str, process: int | None = None, processes: int | None = None) -> None:
    """Make this process one of several that train together, before JAX computes anything.

    Args:
        coordinator: HOST:PORT, where the first process is to listen and all processes can reach it; or 'auto' if SLURM,
            Open MPI or Kubernetes has started the processes, whose variables say all.
        process: the number of this process, from 0.
        processes: how many there are.

    Raises:
        AttendError: the arguments are not as above, or the first process cannot be reached.
    """
    if coordinator == AUTO:
        if process is not None or processes is not None:
            raise AttendError("coordinator: is auto, which finds out --process and --processes itself; leave them out")
    else:
        host, _, port = coordinator.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise AttendError(f"coordinator: is {coordinator!r}; it must be HOST:PORT or auto")
        if process is None or processes is None:
            raise AttendError("coordinator: with HOST:PORT, --process and --processes must be given as well")
        if not 0 <= process < processes:
            raise AttendError(f"process: is {process} of {processes} processes; it must be from 0 to {processes - 1}")
    try:
        if coordinator == AUTO:
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(coordinator, processes, process, cluster_detection_method="deactivate")
    except (RuntimeError, ValueError) as error:
        found = " ".join(str(error).split())
        if coordinator == AUTO and "be defined" in found:
            found = "no SLURM, Open MPI or Kubernetes was found that says which process this is"
        raise AttendError(f"coordinator: {coordinator} does not bring the processes together ({found})") from error


def leave() -> None:
    """Wait for the other processes to end as well, and part from them."""
    jax.distributed.shutdown()


def is_first() -> bool:
    """Whether this is the process that writes: the run folder, its checkpoints and what a person sees."""
    return jax.process_index() == 0


def any_says(yes: bool) -> bool:
    """Whether any process says yes. All processes must ask."""
    return bool(np.any(multihost_utils.process_allgather(np.array(yes)))) if jax.process_count() > 1 else yes


def check_same(settings: str, data: PyTree) -> None:
    """Raise AttendError, in every process, unless all have the same settings and the same data. All must ask."""
    if jax.process_count() == 1:
        return
    said = [hashlib.sha256(settings.encode()), hashlib.sha256()]
    for leaf in jax.tree.leaves(data):
        said[1].update(np.ascontiguousarray(leaf).tobytes())
    own = np.stack([np.frombuffer(each.digest(), np.uint8) for each in said])
    every = multihost_utils.process_allgather(own)
    for name, column in zip(("settings", "images"), np.moveaxis(every, 1, 0), strict=True):
        differ = [process for process, each in enumerate(column) if not np.array_equal(each, column[0])]
        if differ:
            raise AttendError(
                f"{name}: process {differ[0]} has others than process 0; all processes must be started with the same "
                "command, and with a batch for which each has the memory"
            )


@contextmanager
def losing_none() -> Iterator[None]:
    """Turn what JAX raises when another process of the training is gone into an AttendError."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if jax.process_count() > 1 and says_lost(str(error)):
            raise AttendError(LOST) from error
        raise


def says_lost(text: str) -> bool:
    """Whether an error, or what libraries have written, says that another process cannot be reached."""
    return any(said in text for said in SAY_LOST)
