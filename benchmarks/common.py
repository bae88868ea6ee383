"""What the benchmarks share: the machine, its matrix-product rate, data, a training, and how a table is printed."""

import datetime
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Jaxpr
from processes import peak_mebibytes
from rich import box
from rich.console import Console
from rich.table import Table

from attend import data
from attend.experiments.report import describe_machine
from attend.memory import inner_programs

MATRIX_SIDES = (512, 1024, 2048, 4096)
"""Sides of the square matrices whose product is timed; the best rate counts."""

WIDTH = 120
"""Columns of a printed table, also where the output goes to a file."""


def compile_fast() -> None:
    """Compile with little optimisation from now on, where nothing is measured: it takes a tenth of the time."""
    jax.config.update("jax_disable_most_optimizations", True)


def scenes(n: int, name: str = "digits") -> data.SceneData:
    """Scenes of a data set that is made on the fly; of multi-digit scenes (50x50, grey) if not told otherwise."""
    return data.load(name, split="train", n=n)


def median_seconds(call: Callable[[], Any], repeats: int) -> float:
    """The median time of a call that returns JAX arrays or plain values, after one call to warm up."""
    jax.block_until_ready(call())
    return statistics.median(seconds(call) for _ in range(repeats))


def seconds(call: Callable[[], Any]) -> float:
    """The time of one call, its result computed in full."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def matrix_product_rate(sides: Iterable[int] = MATRIX_SIDES, repeats: int = 10) -> float:
    """The best measured rate of a square float32 matrix product, in FLOP/s: what this machine can do."""
    product = jax.jit(jnp.matmul)
    rates = []
    for side in sides:
        a = jax.random.normal(jax.random.key(side), (side, side))
        jax.block_until_ready(product(a, a))
        rates.append(2 * side**3 / min(seconds(lambda a=a: product(a, a)) for _ in range(repeats)))
    return max(rates)


def matrix_flops(function: Callable[..., Any], *args: Any) -> int:
    """Floating-point operations of all matrix products that `function(*args)` asks for: 2 m n k each.

    They are counted in its jaxpr, before the compiler sees it; what lies in a `scan` counts once a step. Work that is
    no matrix product counts nothing.
    """
    return _jaxpr_flops(jax.make_jaxpr(function)(*args).jaxpr)


def _jaxpr_flops(jaxpr: Jaxpr) -> int:
    total = 0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        if name == "dot_general":
            (contracted, _), _ = params["dimension_numbers"]
            left, result = (cast(ShapedArray, v.aval) for v in (equation.invars[0], equation.outvars[0]))
            total += 2 * result.size * math.prod(left.shape[axis] for axis in contracted)
        elif name in ("conv_general_dilated", "while"):
            raise NotImplementedError(f"the matrix products in a {name} are not counted")
        inner = [_jaxpr_flops(inner) for inner in inner_programs(params)]
        total += max(inner, default=0) if name == "cond" else params.get("length", 1) * sum(inner)
    return total


def peak_memory() -> str:
    """The most memory that this process has used so far, and the accelerator's where there is one."""
    text = f"{peak_mebibytes():,.0f} MiB"
    stats = jax.devices()[0].memory_stats() or {}
    device = stats.get("peak_bytes_in_use")
    return text if device is None else f"{text}, and {device / 2**20:,.0f} MiB on the device"


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str]) -> None:
    """Print a table in Markdown, with the machine and notes below."""
    table = Table(box=box.MARKDOWN)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(width=WIDTH, highlight=False)
    console.print(table)
    for note in (f"Machine: {describe_machine()}; {datetime.date.today()}.", *notes):
        console.print(f"- {note}")
