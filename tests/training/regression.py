"""A noisy linear regression: the smallest thing to train. Run as a script, it trains in a run folder."""

import sys
import time
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax

from attend.training import Advance, RunFolder, TrainState, make_advance, train

OPTIMISER = optax.adam(optax.cosine_decay_schedule(0.05, 200))


def make_data(n: int = 40) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (n, 3), np.uint8)
    return {"x": x, "y": (x / 255 @ np.array([1.0, -2.0, 3.0])).astype(np.float32), "index": np.arange(n)}


def loss_fn(params, batch, key, step):
    x = batch["x"] / 255 + 0.01 * jax.random.normal(key, batch["x"].shape)
    loss = jnp.mean((x @ params["w"] + params["b"] - batch["y"]) ** 2)
    return loss, {"elbo": -loss, "step_seen": step}


def make_state(seed: int = 0) -> TrainState:
    params = {"w": jnp.zeros(3), "b": jnp.zeros(()), "frozen": None}
    return TrainState.create(params, OPTIMISER, jax.random.key(seed))


@cache
def advance(loss=loss_fn, batch_size: int = 8) -> Advance:
    return make_advance(loss, OPTIMISER, make_data(), batch_size)


def assert_equal(a: TrainState, b: TrainState) -> None:
    """Every leaf has the same bits."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for left, right in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jnp.issubdtype(left.dtype, jax.dtypes.prng_key):
            left, right = jax.random.key_data(left), jax.random.key_data(right)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))


if __name__ == "__main__":
    _, path, mode = sys.argv
    run = RunFolder(path) if mode == "resume" else RunFolder.create(path, {})
    state = run.checkpoints.restore_latest(make_state()) if mode == "resume" else make_state()

    def dawdle(state: TrainState) -> dict[str, float]:
        if mode == "slow":
            print(int(state.step), flush=True)
            time.sleep(0.2)
        return {}

    try:
        train(state, advance(), steps=120, every=5, run=run, evaluate=dawdle, evaluate_every=5)
    except KeyboardInterrupt as error:
        print(error, file=sys.stderr)
        sys.exit(130)
