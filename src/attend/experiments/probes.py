"""Small classifiers of codes."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.networks import Dense

HIDDEN = 256
BATCH, LEARNING_RATE = 256, 1e-3
NOISE = 0.3
"""Standard deviation of what is added to the standardised codes, so that few labels are not learned by heart."""
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
    labelled: int,
    classes: int,
    steps: int,
    seed: int,
) -> float:
    """How often a probe is right on `test`, codes and classes, that learned from the first `labelled` of `train`.

    Codes are standardised. Trained by Adam on the cross-entropy; the classes are 0..`classes` - 1, or fewer.
    """
    (codes, labels), (test_codes, test_labels), k = train, test, labelled
    mean, sd = codes[:k].mean(axis=0), codes[:k].std(axis=0) + 1e-3
    codes, test_codes = (jnp.asarray((part - mean) / sd, jnp.float32) for part in (codes, test_codes))
    module_key, fit_key = jax.random.split(jax.random.key(seed))
    module = probe(codes.shape[1], classes, key=module_key)
    logits = _fit_and_predict(module, codes, jnp.asarray(labels), jnp.asarray(k), test_codes, steps, fit_key)
    return float(np.mean(np.asarray(logits).argmax(axis=1) == test_labels))


@eqx.filter_jit
def _fit_and_predict(module, codes, labels, labelled, test_codes, steps: int, key: PRNGKeyArray):
    """The logits of the test codes by a probe trained on the first `labelled` codes.

    That number is no part of the compiled program, which so serves every share of the labels.
    """
    parameters, static = eqx.partition(module, eqx.is_inexact_array)
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))

    def predict(parameters: Any, codes: Array) -> Array:
        return jax.vmap(eqx.combine(parameters, static))(codes)

    def loss(parameters, codes, labels):
        logits = predict(parameters, codes)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    def step(carry, key):
        parameters, state = carry
        rows_key, noise_key = jax.random.split(key)
        rows = jax.random.randint(rows_key, (BATCH,), 0, labelled)
        noisy = codes[rows] + NOISE * jax.random.normal(noise_key, (BATCH, codes.shape[1]))
        updates, state = optimiser.update(jax.grad(loss)(parameters, noisy, labels[rows]), state)
        return (optax.apply_updates(parameters, updates), state), None

    carry = parameters, optimiser.init(parameters)
    (parameters, _), _ = jax.lax.scan(step, carry, jax.random.split(key, steps))
    return predict(parameters, test_codes)
