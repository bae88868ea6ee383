"""A Ray cluster: one that is there, or one of this machine alone."""

import contextlib
import importlib.util
import logging
import os
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from attend.errors import AttendError

LOCAL = "local"
"""The address of a cluster of this machine alone, which ends with its use."""

STORE = 128 * 2**20
"""Bytes of memory that machines of a local cluster share: little goes through it."""

ANSWER = 10.0
"""Seconds within which the head of a cluster must answer."""

CORES = 4
"""That a worker keeps busy, where it has so many."""


@dataclass(frozen=True)
class Share:
    """What part of a cluster each worker has.

    Attributes:
        workers: how many there are.
        cores: of each.
        accelerators: of each.
    """

    workers: int
    cores: int
    accelerators: int


def check_ray() -> None:
    """Raise AttendError if Ray Data is not installed."""
    missing = [name for name in ("ray", "pandas", "pyarrow") if importlib.util.find_spec(name) is None]
    if missing:
        raise AttendError(f"--cluster: needs {missing[0]}, which is not installed: pip install 'attend[ray]'")


@contextlib.contextmanager
def joined(address: str) -> Iterator[None]:
    """Be in a cluster: of which this process is a part already, at an address, or one of this machine alone.

    Nothing of it is sent to anyone: neither statistics of use nor a page to look at.

    Raises:
        AttendError: there is none, or none that this process can join.
    """
    if address.startswith("ray://"):
        raise AttendError(
            f"--cluster {address}: is an address for clients; give HOST:PORT of the head, as a rule HOST:6379, or "
            "auto on a machine of the cluster"
        )
    if address not in (LOCAL, "auto"):
        _check_answers(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it tells of what it does itself, such as starting anew
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    local = {"include_dashboard": False, "object_store_memory": STORE} if address == LOCAL else {}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"os\.fork\(\)")  # of JAX; another program starts right after it
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (OSError, RuntimeError, ValueError) as error:
        raise AttendError(f"--cluster {address}: cannot be joined ({error})") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise AttendError unless something answers at an address: Ray itself would try for many minutes."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise AttendError(f"--cluster {address}: must be HOST:PORT, or auto on a machine of the cluster")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER):
            pass
    except OSError as error:
        raise AttendError(f"--cluster {address}: does not answer ({error.strerror or error})") from error


def shared(workers: int | None) -> Share:
    """How the cluster that this process is in is shared between workers.

    Each has an accelerator, if there are any, else `CORES`; less where the smallest machine has less, or where more
    workers are asked for.

    Raises:
        AttendError: there are not so many cores.
    """
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    each = [int(machine.get("CPU", 0)) for machine in machines if machine.get("CPU", 0) >= 1]
    accelerators = int(sum(machine.get("GPU", 0) for machine in machines))
    if sum(each) < (workers or 1):
        raise AttendError(f"--workers: is {workers or 1}; the cluster has {sum(each)} cores, and each worker needs one")
    if workers is None:
        workers = accelerators or sum(max(1, cores // CORES) for cores in each)
    cores = max(1, min(min(each), sum(each) // workers))
    return Share(workers, cores, 1 if accelerators >= workers else 0)
