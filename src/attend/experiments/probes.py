"""Small classifiers of codes, trained like any baseline."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.baselines import fit_baseline
from attend.networks import Dense

HIDDEN = 256
KINDS = 24
"""What the shared network of a paired probe can tell apart: more than the ten digits."""


class CodeProbe(eqx.Module):
    """One hidden layer between a code and its class."""

    network: Dense

    def __init__(self, inputs: int, classes: int, *, key: PRNGKeyArray):
        self.network = Dense([inputs, HIDDEN, classes], key=key)

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, " classes"]:
        """The logits of the classes."""
        return self.network(code)


class PairProbe(eqx.Module):
    """For a code of two objects, half of it each: one network sorts either into kinds, and every pair of kinds votes.

    This is possible only where a code has objects; it needs fewer labels because both objects share one network.
    """

    network: Dense
    vote: eqx.nn.Linear

    def __init__(self, inputs: int, classes: int, *, key: PRNGKeyArray):
        network_key, vote_key = jax.random.split(key)
        self.network = Dense([inputs // 2, HIDDEN, KINDS], key=network_key)
        self.vote = eqx.nn.Linear(KINDS**2, classes, key=vote_key)

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, " classes"]:
        """The logits of the classes."""
        first, second = jax.nn.softmax(jax.vmap(self.network)(code.reshape(2, -1)))
        return self.vote(KINDS * jnp.outer(first, second).ravel())  # the factor lets a sure pair outvote the bias


def probe_accuracy(
    probe: type[CodeProbe] | type[PairProbe],
    train: tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]],
    test: tuple[Float[np.ndarray, "m d"], Int[np.ndarray, " m"]],
    *,
    classes: int,
    steps: int,
    seed: int,
) -> float:
    """How often a probe that learned from `train`, codes and classes, is right on `test`; codes are standardised."""
    mean, sd = train[0].mean(axis=0), train[0].std(axis=0) + 1e-3
    codes, test_codes = ((part[0] - mean) / sd for part in (train, test))
    module = probe(codes.shape[1], classes, key=jax.random.key(seed))
    batch = {"codes": codes.astype(np.float32), "labels": train[1].astype(np.int32)}
    size = min(256, len(codes))
    module = fit_baseline(module, _loss, batch, steps=steps, batch_size=size, seed=seed, progress=False)
    logits = eqx.filter_jit(eqx.filter_vmap(module))(jnp.asarray(test_codes, jnp.float32))
    return float(np.mean(np.asarray(logits).argmax(axis=1) == test[1]))


def _loss(module: Any, batch: dict[str, Array], key: PRNGKeyArray, step: Any):
    """Cross-entropy; noise on the standardised codes keeps the probe from learning few labels by heart."""
    codes = batch["codes"] + 0.3 * jax.random.normal(key, batch["codes"].shape)
    log_probs = jax.nn.log_softmax(jax.vmap(module)(codes))
    return -jnp.mean(jnp.take_along_axis(log_probs, batch["labels"][:, None], axis=1)), {}
