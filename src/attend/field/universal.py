"""The q that comes with the package: learned once, from dreams of no image in particular.

    python -m attend.field.universal OUT.npz [STEPS]

repeats its training.
"""

import functools
import sys
import time
from collections.abc import Callable
from importlib.resources import as_file, files

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from attend.dreams import CutOuts, draw_shapes, universal_example
from attend.errors import AttendError
from attend.field.network import FieldNetwork
from attend.field.sleep import Example, sleep
from attend.files import read_npz, write_npz

STEPS, FAMILIES, SEED = 12_000, 500, 0
"""Of its training."""


@functools.cache
def universal() -> FieldNetwork:
    """The network that comes with the package."""
    with as_file(files("attend.field") / "universal.npz") as path:
        return from_arrays(read_npz(path))


def universal_dreams(families: int = FAMILIES, seed: int = SEED) -> Callable[[np.random.Generator], Example]:
    """Draws dreams from so many families of shapes."""
    shapes: CutOuts = draw_shapes(np.random.default_rng(seed), families)
    return functools.partial(universal_example, shapes=shapes)


def to_arrays(network: FieldNetwork) -> dict[str, np.ndarray]:
    """Its weights by their place."""
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(network, eqx.is_array))
    return {jax.tree_util.keystr(path).lstrip("."): np.asarray(leaf) for path, leaf in leaves}


def from_arrays(arrays: dict[str, np.ndarray]) -> FieldNetwork:
    """The inverse of `to_arrays`.

    Raises:
        AttendError: an array is missing or has another shape.
    """
    empty = eqx.filter_eval_shape(FieldNetwork, jax.random.key(0))

    def read(path: tuple, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        name = jax.tree_util.keystr(path).lstrip(".")
        if name not in arrays or arrays[name].shape != leaf.shape:
            found = f"has shape {arrays[name].shape}" if name in arrays else "is missing"
            raise AttendError(f"network: {name} {found}; it must have shape {leaf.shape}")
        return jnp.asarray(arrays[name], leaf.dtype)

    return jax.tree_util.tree_map_with_path(read, empty)


def main(out: str, steps: int) -> None:
    """Train it and write it."""
    started = time.perf_counter()

    def tell(step: int, value: float) -> None:
        print(f"step {step:,} of {steps:,}, loss {value:.3f}, {time.perf_counter() - started:.0f} s", flush=True)

    network = FieldNetwork(jax.random.key(SEED))
    network = sleep(network, universal_dreams(), steps=steps, seed=SEED, watch=tell)
    # In half precision, which takes half of the room: the weights are not known to more.
    write_npz(out, {name: array.astype(np.float16) for name, array in to_arrays(network).items()})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else STEPS)
