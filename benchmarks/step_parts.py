"""Where the time of a training step goes: each part of preset `default` by itself, forward and backward.

uv run python benchmarks/step_parts.py

A part runs in a compiled loop on a batch, with the gradient of a sum of squares of what it gives, for its parameters
and for its inputs, as often as a step runs it. Parts by themselves are compiled otherwise than within the step, so that
their times need not add up to its own.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import tyro
from common import compile_fast, median_seconds, print_table, scenes

from attend.config import preset
from attend.fitting import start_training
from attend.geometry import attend, place
from attend.networks import space_to_depth
from attend.q.glance import BLOCK
from attend.training import make_advance


def main(steps: int = 20, chunks: int = 9, batch_size: int = 64, quick: bool = False) -> None:
    """Print a table.

    Args:
        steps: of the loop, in a timed call.
        chunks: timed calls, of which the median counts.
        batch_size: images a step.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if quick:
        compile_fast()
        steps, chunks, batch_size = 1, 1, 4
    images = scenes(16 * batch_size).images
    config = preset("default").replace(batch_size=batch_size)
    height, width, channels = images.shape[1:]
    start = start_training(config, (height, width, channels), seed=0)
    model = start.model(start.state)
    q: Any = model.q
    p, times = model.p, config.model.max_objects
    pixels = jnp.asarray(images[:batch_size]) / 255
    where = jnp.tile(jnp.array([0.45, 0.1, -0.1]), (batch_size, 1))
    what = jax.random.normal(jax.random.key(0), (batch_size, config.model.renderer.what))  # pyright: ignore
    glimpses = jax.vmap(lambda image, where: attend(image, where, config.model.glimpse))(pixels, where)

    def stem(cell: Any, image: Any) -> Any:  # in a step its input, what is unexplained, gets no gradient
        image = jax.lax.stop_gradient(image)
        features = space_to_depth(jnp.concatenate([image, image], axis=-1), BLOCK)
        for convolution in cell.stem:
            features = jax.nn.relu(convolution(features))
        return jax.vmap(jax.vmap(cell.head))(features)

    parts: dict[str, tuple[int, Callable[..., Any], Any, tuple[Any, ...]]] = {
        "q: convolutions over what is unexplained": (times, stem, q, (pixels,)),
        "q: cutting the glimpse": (times, lambda _, x, z: attend(x, z, config.model.glimpse), None, (pixels, where)),
        "q: encoder of the glimpse": (times, lambda net, x: net(x.ravel()), q.encode.network, (glimpses,)),
        "p: decoder of the patch": (times, lambda r, z: r.patch(z), p.renderer, (what,)),
        "p: placing the patch": (times, lambda _, x, z: place(x, z, (height, width)), None, (glimpses, where)),
        "p: likelihood of a canvas": (times + 1, lambda _, x, y: p.likelihood.log_prob(x, y), None, (pixels, pixels)),
    }
    rows = []
    for name, (often, function, own, inputs) in parts.items():
        rows.append((name, often * gradient_seconds(function, own, inputs, steps, chunks)))
    rows.append(("optimiser", optimiser_seconds(start, steps, chunks)))
    advance = make_advance(start.loss, start.optimiser, images, batch_size)
    state = start.state

    def whole() -> Any:
        nonlocal state  # `advance` uses the state up
        state, metrics = advance(state, steps)
        return metrics

    total = median_seconds(whole, chunks) / steps
    rows.append(("everything else, or what parts gain by themselves", total - sum(seconds for _, seconds in rows)))
    rows.append(("the whole step", total))
    print_table(
        ("part", "ms a step", "share"),
        [(name, f"{1e3 * seconds:.2f}", f"{seconds / total:.0%}") for name, seconds in rows],
        (f"Batch {batch_size} of {height}x{width}x{channels}; median of {chunks} calls of {steps} steps.",),
    )


def gradient_seconds(function: Callable[..., Any], own: Any, inputs: tuple[Any, ...], steps: int, chunks: int) -> float:
    """Seconds that one pass of a part takes, and its gradient."""
    parameters, static = eqx.partition(own, eqx.is_inexact_array)

    def loss(parameters: Any, inputs: tuple[Any, ...]) -> Any:
        given = jax.vmap(lambda *each: function(eqx.combine(parameters, static), *each))(*inputs)
        return jnp.sum(given**2)

    @jax.jit
    def run(parameters: Any, inputs: tuple[Any, ...]) -> Any:
        def body(_: Any, carry: Any) -> Any:  # of which each depends on the one before, so that none is left out
            gradient = jax.grad(loss, argnums=(0, 1))(*carry)
            return jax.tree.map(lambda value, slope: value - 1e-12 * slope, carry, gradient)

        return jax.lax.fori_loop(0, steps, body, (parameters, inputs))

    return median_seconds(lambda: run(parameters, inputs), chunks) / steps


def optimiser_seconds(start: Any, steps: int, chunks: int) -> float:
    """Seconds that the optimiser takes for one step."""

    @jax.jit
    def run(params: Any, state: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            params, state = carry
            updates, state = start.optimiser.update(params, state, params)
            return jax.tree.map(jnp.add, params, updates), state

        return jax.lax.fori_loop(0, steps, body, (params, state))

    return median_seconds(lambda: run(start.state.params, start.state.opt_state), chunks) / steps


if __name__ == "__main__":
    tyro.cli(main)
