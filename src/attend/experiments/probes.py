"""Small classifiers of codes."""

from collections.abc import Callable
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
LITTLE = 1e-6
"""A chance that no class is without."""


class CodeProbe(eqx.Module):
    """One hidden layer between a code and its class."""

    network: Dense

    def __init__(self, inputs: int, classes: int, *, key: PRNGKeyArray):
        self.network = Dense([inputs, HIDDEN, classes], key=key)

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, " classes"]:
        """The logits of the classes."""
        return self.network(code)


class ObjectProbe(eqx.Module):
    """For a code of two objects, half of it each: one network tells the value of either, and a rule the class of both.

    This is possible only where a code has objects. It needs few labels, for both objects share one network, and what
    the rule says need not be learned: the chance of a class is that of all pairs of values of which it is the class.
    """

    network: Dense
    rule: Int[Array, "values values"]
    classes: int = eqx.field(static=True)

    def __init__(self, inputs: int, classes: int, rule: Int[np.ndarray, "values values"], *, key: PRNGKeyArray):
        """`rule` has the class of each pair of values."""
        self.network = Dense([inputs // 2, HIDDEN, len(rule)], key=key)
        self.rule = jnp.asarray(rule)
        self.classes = classes

    def __call__(self, code: Float[Array, " d"]) -> Float[Array, " classes"]:
        """The log probabilities of the classes."""
        first, second = jax.nn.softmax(jax.vmap(self.network)(code.reshape(2, -1)))
        pairs = jnp.outer(first, second)
        return jnp.log(jax.ops.segment_sum(pairs.ravel(), self.rule.ravel(), self.classes) + LITTLE)


def probe_accuracy(
    probe: Callable[..., CodeProbe | ObjectProbe],
    train: tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]],
    test: tuple[Float[np.ndarray, "m d"], Int[np.ndarray, " m"]],
    *,
    labelled: int,
    classes: int,
    steps: int,
    seed: int,
) -> float:
    """How often a probe, made by `probe(inputs, classes, key=)`, is right on `test` after it learned from `train`.

    Both are codes and classes, 0..`classes` - 1 or fewer, and it learns from the first `labelled` of them. Codes are
    standardised. It is trained by Adam on the cross-entropy.
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
