"""Arrays of a training's state as plain numbers and back: random keys are kept as their key data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_key(leaf: Any) -> bool:
    """Whether it holds random keys."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def raw(leaf: Any) -> np.ndarray:
    """Its numbers, on the host."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def like(numbers: Any, leaf: Any) -> Any:
    """The inverse of `raw`: keys of the same kind if `leaf` holds keys, else the numbers."""
    return jax.random.wrap_key_data(numbers, impl=jax.random.key_impl(leaf)) if is_key(leaf) else numbers
