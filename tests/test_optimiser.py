from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tiny

from attend.fitting import start_training
from attend.optimiser import RMS, make_optimiser

RATE = 1e-2


def first_update(spread: float = 1.0) -> tuple[Any, Any]:
    """Muon's first update of a tiny model, and the gradient: drawn, and steeper by `spread` in the last numbers."""
    config = tiny.config(learning_rate=RATE, warmup_steps=0, decay="none", clip_norm=0.0, optimiser="muon")
    parameters: Any = start_training(config, (12, 12, 1), seed=0).state.params
    optimiser = make_optimiser(config.train)
    leaves, tree = jax.tree.flatten(parameters)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    gradient: Any = jax.tree.unflatten(
        tree,
        [
            jax.random.normal(key, leaf.shape) * jnp.linspace(1, spread, leaf.shape[-1])
            for key, leaf in zip(keys, leaves, strict=True)
        ],
    )
    update: Any = optimiser.update(gradient, optimiser.init(parameters), parameters)[0]
    return update[0], gradient[0]


def test_muon_takes_a_step_of_one_length_in_every_direction_of_a_weight():
    update, slope = (np.asarray(tree.p.renderer.decoder.layers[0].weight) for tree in first_update(spread=10.0))
    steep = np.linalg.svd(slope, compute_uv=False)
    lengths = np.linalg.svd(update, compute_uv=False) / (RATE * RMS * np.sqrt(max(update.shape)))
    assert steep.max() > 3 * steep.min()
    assert lengths.min() > 0.5
    assert lengths.max() < 1.4


def test_muon_leaves_what_is_no_weight_to_adam():
    update, slope = (np.asarray(tree.p.renderer.decoder.layers[0].bias) for tree in first_update())
    np.testing.assert_allclose(update, -np.abs(update).mean() * np.sign(slope), rtol=1e-3)
    assert RATE / 2 < np.abs(update).mean() < 2 * RATE
