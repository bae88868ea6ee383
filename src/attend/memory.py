"""How much memory there is, and how much a computation takes, told before it is compiled."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from attend.errors import AttendError

MEMINFO, CGROUP, OWN_GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux says how much there is: of the machine, and of the group of processes that this one is in."""


class TooLargeError(AttendError):
    """What is asked for needs more memory than there is."""


def available() -> int | None:
    """Bytes that this process can still take on the device that JAX computes on; None if nobody says.

    On an accelerator that is its own memory. Elsewhere it is what the machine has free or can free at once, or less
    where the process is in a group with a limit, such as a container (cgroups of either version).
    """
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))
    return of_host()


def of_host() -> int | None:
    """Bytes that this process can still take of the machine's memory, whatever JAX computes on; None if nobody says."""
    found = [size for size in (_of_machine(), *_of_groups()) if size is not None]
    return max(0, min(found)) if found else None


def peak_bytes(function: Callable[..., Any], *arguments: Any) -> int:
    """An estimate of the bytes that `function` takes at its peak, beyond those of its arguments.

    It is the largest sum of the arrays that are needed at once if every operation is done by itself, in the order in
    which they were written. A compiler that fuses operations takes less, one that reorders them may take more.

    Args:
        function: of JAX; it is traced but not compiled.
        *arguments: pytrees of arrays, or of `jax.ShapeDtypeStruct`, which take no memory.
    """
    return _peak(jax.make_jaxpr(function)(*arguments).jaxpr)


def as_text(size: int) -> str:
    """Bytes as a person reads them."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _peak(jaxpr: Jaxpr) -> int:
    last = {}
    for number, equation in enumerate(jaxpr.eqns):
        last |= {variable: number for variable in equation.invars if not isinstance(variable, Literal)}
    last |= {variable: len(jaxpr.eqns) for variable in jaxpr.outvars if not isinstance(variable, Literal)}
    live = most = 0
    made = set()
    for number, equation in enumerate(jaxpr.eqns):
        inside = max((_peak(inner) for inner in inner_programs(equation.params)), default=0)
        most = max(most, live + max(inside, sum(map(_bytes, equation.outvars))))
        for variable in equation.outvars:
            if variable in last:
                live += _bytes(variable)
                made.add(variable)
        for variable in {v for v in equation.invars if not isinstance(v, Literal)} & made:
            if last[variable] == number:
                live -= _bytes(variable)
    return most


def inner_programs(parameters: dict[str, Any]) -> Iterator[Jaxpr]:
    """The programs in an operation, such as the body of a loop."""
    for value in parameters.values():
        for each in value if isinstance(value, tuple | list) else [value]:
            if isinstance(each, ClosedJaxpr):
                yield each.jaxpr
            elif isinstance(each, Jaxpr):
                yield each


def _bytes(variable: Any) -> int:
    kind = variable.aval
    return math.prod(kind.shape) * getattr(kind.dtype, "itemsize", 4) if hasattr(kind, "shape") else 0


def _of_machine() -> int | None:
    try:
        lines = dict(line.split(":") for line in MEMINFO.read_text().splitlines() if ":" in line)
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _of_groups() -> Iterator[int]:
    """What is left to each group with a limit that the process is in, from its own to the one of all."""
    try:
        lines = [line.split(":", 2) for line in OWN_GROUP.read_text().splitlines()]
    except OSError:
        return
    for _, kinds, path in (line for line in lines if len(line) == 3):
        root = CGROUP if not kinds else CGROUP / "memory"
        if kinds and "memory" not in kinds.split(","):
            continue
        names = ("memory.max", "memory.current") if not kinds else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        below = root / path.strip("/")
        for group in (below, *below.parents):
            left = _left(group, *names)
            if left is not None:
                yield left
            if group == root:
                break


def _left(group: Path, limit: str, used: str) -> int | None:
    """What a group may still take; files that are only cached do not count."""
    try:
        most = int((group / limit).read_text())  # `max` is no number: there is no limit
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        cached = int(stat.get("inactive_file", 0))
        return most - int((group / used).read_text()) + cached
    except (OSError, ValueError):
        return None
