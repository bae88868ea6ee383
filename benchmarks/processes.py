"""Measurements in processes of their own; it does not load JAX, for a child counts its parent's memory as its own."""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from typing import Any


def alone(function: Callable[..., Any], *args: Any) -> Any:
    """`function` of the arguments in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def peak_mebibytes() -> float:
    """The most memory that this process has used so far, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
