"""How many images a second the 3D renderer draws, and how many it differentiates.

uv run python benchmarks/render3d.py

A scene is drawn as inference draws it: one object after the other, with a canvas after each.
"""

import jax
import jax.numpy as jnp
import tyro
from common import compile_fast, median_seconds, peak_memory, print_table

from attend.render3d import TableRenderer, shapes


def main(side: int = 64, objects: int = 3, batch_size: int = 64, repeats: int = 9, quick: bool = False) -> None:
    """Print a table of images a second.

    Args:
        side: height and width of an image in pixels.
        objects: objects in a scene.
        batch_size: scenes at a time.
        repeats: timed calls, of which the median counts.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    if quick:
        compile_fast()
        side, objects, batch_size, repeats = 16, 1, 2, 1
    cases = {
        "mug, plate, pan": TableRenderer((side, side, 3), objects),
        "all kinds, size 0.15 to 0.25 m": TableRenderer(
            (side, side, 3), objects, kinds=tuple(shapes), sizes=(0.15, 0.25)
        ),
    }
    print_table(
        ("scenes", "window", "forward ms", "images/s", "with gradient ms", "images/s"),
        [row(name, renderer, batch_size, repeats) for name, renderer in cases.items()],
        (
            f"{side}x{side}x3, {objects} objects, all {objects + 1} canvases, batch {batch_size}; median of {repeats}.",
            f"Peak memory of the process: {peak_memory()}.",
        ),
    )


def row(name: str, renderer: TableRenderer, batch_size: int, repeats: int) -> tuple[str, ...]:
    """Time one renderer."""
    where_key, kind_key, rest_key = jax.random.split(jax.random.key(0), 3)
    shape = (batch_size, renderer.max_objects)
    reach = jnp.array([0.3, 0.3, jnp.pi])
    wheres = jax.random.uniform(where_key, (*shape, 3), minval=-reach, maxval=reach)
    kinds = jax.nn.one_hot(jax.random.randint(kind_key, shape, 0, len(renderer.kinds)), len(renderer.kinds))
    rest = jax.random.uniform(rest_key, (*shape, renderer.what_size - len(renderer.kinds)), minval=0.15, maxval=0.25)
    whats = jnp.concatenate([kinds, rest], axis=-1)

    def canvases(wheres, whats):
        def step(state, latents):
            state = renderer.add(state, renderer.layer(*latents))
            return state, renderer.canvas(state)

        return jax.lax.scan(step, renderer.empty(), (wheres, whats), unroll=renderer.max_objects)[1]

    def loss(latents):
        return jnp.sum(jax.vmap(canvases)(*latents) ** 2)

    draw, slope = jax.jit(jax.vmap(canvases)), jax.jit(jax.value_and_grad(loss))
    forward = median_seconds(lambda: draw(wheres, whats), repeats)
    both = median_seconds(lambda: slope((wheres, whats)), repeats)
    return (
        name,
        f"{renderer.window}",
        f"{forward * 1e3:.1f}",
        f"{batch_size / forward:,.0f}",
        f"{both * 1e3:.1f}",
        f"{batch_size / both:,.0f}",
    )


if __name__ == "__main__":
    tyro.cli(main)
