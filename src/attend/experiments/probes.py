"""Small classifiers of codes."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from attend.networks import Convolution, Dense

HIDDEN = 256
CHANNELS = (16, 32, 64)
"""Of the convolutions that read a picture of an object."""
LEARNING_RATE = 1e-3
NOISE = 0.3
"""Standard deviation of what is added to the standardised codes, so that few labels are not learned by heart."""
TURN, STRETCH, SHIFT = 0.25, 0.12, 0.08
"""By how much a picture is changed at most to the same end: radians, share of lengths, share of the side."""
LITTLE = 1e-6
"""A chance that no class is without."""
CHUNK = 1000


class CodeProbe(eqx.Module):
    """One hidden layer between a standardised code and its class."""

    batch: ClassVar = 256
    """How many codes it learns from at a step."""
    mean: Float[Array, " d"]
    sd: Float[Array, " d"]
    network: Dense

    def __init__(self, codes: Float[np.ndarray, "n d"], classes: int, *, key: PRNGKeyArray):
        """`codes` are those that it is to learn from."""
        self.mean = jnp.asarray(codes.mean(axis=0))
        self.sd = jnp.asarray(codes.std(axis=0) + 1e-3)
        self.network = Dense([codes.shape[1], HIDDEN, classes], key=key)

    def __call__(self, code: Float[Array, " d"], key: PRNGKeyArray | None) -> Float[Array, " classes"]:
        """The logits of the classes; with a `key` those of a code a little different."""
        mean, sd = jax.lax.stop_gradient((self.mean, self.sd))
        noise = 0.0 if key is None else NOISE * jax.random.normal(key, code.shape)
        return self.network((code - mean) / sd + noise)


class ObjectProbe(eqx.Module):
    """For a code of two objects, half of it each: one network tells the value of either, and a rule the class of both.

    This is possible only where a code has objects. The network sees an object as p draws it from its code, and learns
    from pictures that are turned, stretched and moved a little. It needs few labels, for both objects share it, and
    what the rule says need not be learned: the chance of a class is that of all pairs of values of which it is the
    class.
    """

    batch: ClassVar = 64
    """How many codes it learns from at a step, with two pictures each."""
    draw: Callable[[Float[Array, " d"]], Float[Array, "g g c"]]
    convolutions: list[Convolution]
    values: eqx.nn.Linear
    rule: Int[Array, "values values"]
    classes: int = eqx.field(static=True)

    def __init__(
        self,
        codes: Float[np.ndarray, "n d"],
        classes: int,
        draw: Callable[[Float[Array, " d"]], Float[Array, "g g c"]],
        rule: Int[np.ndarray, "values values"],
        *,
        key: PRNGKeyArray,
    ):
        """`draw` makes a picture of an object from its half of a code; `rule` has the class of each pair of values."""
        *keys, last = jax.random.split(key, len(CHANNELS) + 1)
        side, _, channels = jax.eval_shape(draw, codes[0, : codes.shape[1] // 2]).shape
        self.convolutions = [
            Convolution(inputs, outputs, 3, stride=stride, padding=1, key=k)
            for inputs, outputs, stride, k in zip((channels, *CHANNELS[:-1]), CHANNELS, (2, 2, 1), keys, strict=True)
        ]
        self.values = eqx.nn.Linear(CHANNELS[-1] * ((side + 3) // 4) ** 2, len(rule), key=last)
        self.draw, self.rule, self.classes = draw, jnp.asarray(rule), classes

    def __call__(self, code: Float[Array, " d"], key: PRNGKeyArray | None) -> Float[Array, " classes"]:
        """The log probabilities of the classes; with a `key` those of pictures a little different."""
        objects = code.reshape(2, -1)
        found = jnp.any(objects != 0, axis=1)
        pictures = jnp.where(found[:, None, None, None], jax.lax.stop_gradient(jax.vmap(self.draw)(objects)), 0.0)
        if key is not None:
            pictures = jax.vmap(varied)(pictures, jax.random.split(key))
        first, second = jax.nn.softmax(jax.vmap(self._read)(pictures))
        pairs = jnp.outer(first, second)
        return jnp.log(jax.ops.segment_sum(pairs.ravel(), self.rule.ravel(), self.classes) + LITTLE)

    def _read(self, picture: Float[Array, "g g c"]) -> Float[Array, " values"]:
        """The logits of an object's values."""
        for convolution in self.convolutions:
            picture = jax.nn.relu(convolution(picture))
        return self.values(picture.ravel())


def varied(picture: Float[Array, "g g c"], key: PRNGKeyArray) -> Float[Array, "g g c"]:
    """`picture`, turned, stretched and moved by a little, at random."""
    turn_key, stretch_key, shift_key = jax.random.split(key, 3)
    turn = jax.random.uniform(turn_key, minval=-TURN, maxval=TURN)
    stretch = jnp.eye(2) + jax.random.uniform(stretch_key, (2, 2), minval=-STRETCH, maxval=STRETCH)
    shift = len(picture) * jax.random.uniform(shift_key, (2, 1), minval=-SHIFT, maxval=SHIFT)
    cosine, sine = jnp.cos(turn), jnp.sin(turn)
    middle = (len(picture) - 1) / 2
    pixels = jnp.indices(picture.shape[:2]).reshape(2, -1) - middle
    at = jnp.array([[cosine, -sine], [sine, cosine]]) @ stretch @ pixels + shift + middle
    resample = jax.vmap(lambda channel: jax.scipy.ndimage.map_coordinates(channel, list(at), order=1), -1, -1)
    return resample(picture).reshape(picture.shape)


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
    """How often a probe, made by `probe(codes, classes, key=)`, is right on `test` after it learned from `train`.

    Both are codes and classes, 0..`classes` - 1 or fewer, and it learns from the first `labelled` of them. It is
    trained by Adam on the cross-entropy.
    """
    (codes, labels), (test_codes, test_labels) = train, test
    module_key, fit_key = jax.random.split(jax.random.key(seed))
    module = probe(codes[:labelled], classes, key=module_key)
    data = jnp.asarray(codes), jnp.asarray(labels), jnp.asarray(labelled), jnp.asarray(test_codes)
    logits = _fit_and_predict(module, *data, steps, fit_key)
    return float(np.mean(np.asarray(logits).argmax(axis=1) == test_labels))


@eqx.filter_jit
def _fit_and_predict(module, codes, labels, labelled, test_codes, steps: int, key: PRNGKeyArray):
    """The logits of the test codes by a probe trained on the first `labelled` codes.

    That number is no part of the compiled program, which so serves every share of the labels.
    """
    parameters, static = eqx.partition(module, eqx.is_inexact_array)
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))

    def loss(parameters: Any, codes: Array, labels: Array, keys: Array) -> Array:
        logits = jax.vmap(eqx.combine(parameters, static))(codes, keys)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    def step(carry, key):
        parameters, state = carry
        rows_key, varied_key = jax.random.split(key)
        rows = jax.random.randint(rows_key, (module.batch,), 0, labelled)
        slopes = jax.grad(loss)(parameters, codes[rows], labels[rows], jax.random.split(varied_key, len(rows)))
        updates, state = optimiser.update(slopes, state)
        return (optax.apply_updates(parameters, updates), state), None

    carry = parameters, optimiser.init(parameters)
    (parameters, _), _ = jax.lax.scan(step, carry, jax.random.split(key, steps))
    trained: Any = eqx.combine(parameters, static)
    return jax.lax.map(lambda code: trained(code, None), test_codes, batch_size=CHUNK)
