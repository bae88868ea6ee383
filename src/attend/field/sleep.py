"""The sleep phase: q learns to invert p from dreams, whose truth is known (Hinton et al. 1995)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from attend.ahead import ahead
from attend.dreams import Targets
from attend.field.network import FieldNetwork

Example = tuple[np.ndarray, Targets]
"""What q sees of a dream, and what it is to say."""

BATCH = 8
"""Dreams a step."""

POOL, REUSE = 160, 100
"""So many dreams are drawn at a time, and used for so many steps, turned and mirrored at random."""


def sleep(
    network: FieldNetwork,
    dream: Callable[[np.random.Generator], Example],
    *,
    steps: int,
    seed: int,
    learning_rate: float = 2e-3,
    warmup_steps: int = 200,
    watch: Callable[[int, float], None] = lambda step, loss: None,
) -> FieldNetwork:
    """Train on `steps` batches of dreams; each call of `dream` draws one.

    A step is compiled by itself: XLA runs convolutions within a loop many times slower on a processor.

    Args:
        network: where to start.
        dream: draws an example.
        steps: of Adam, whose learning rate falls to a hundredth along a cosine.
        seed: of all noise; the same seed gives the same network, bit for bit, on one machine.
        learning_rate: after the warm-up.
        warmup_steps: over which it rises.
        watch: is told the step and the mean loss now and then.
    """
    rate = optax.warmup_cosine_decay_schedule(
        0, learning_rate, min(warmup_steps, steps // 4), steps, learning_rate / 100
    )
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    state = optimiser.init(eqx.filter(network, eqx.is_array))

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, state: optax.OptState, key: PRNGKeyArray, images: Array, truth: Targets):
        rows = jax.random.randint(key, (BATCH,), 0, len(images))
        turned = jax.vmap(_turned)(jax.random.split(key, BATCH), images[rows], Targets(*(part[rows] for part in truth)))
        value, gradient = jax.value_and_grad(lambda p: loss(eqx.combine(p, static), *turned))(params)
        updates, state = optimiser.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value

    params, static = eqx.partition(network, eqx.is_array)
    params = jax.tree.map(jnp.array, params)  # a copy, which may be donated
    key = jax.random.key(seed)
    done = 0
    for images, truth in _pools(dream, seed, -(-steps // REUSE)):
        losses = []
        for _ in range(min(REUSE, steps - done)):
            params, state, value = step(params, state, jax.random.fold_in(key, done), images, truth)
            losses.append(value)
            done += 1
        watch(done, float(np.mean(jax.device_get(losses))))
    return eqx.combine(params, static)


def loss(network: FieldNetwork, images: Float[Array, "b h w 2"], truth: Targets) -> Float[Array, ""]:
    """How far the network is from the truth about a batch of dreams.

    The focal loss of the middles (Zhou, Wang and Kraehenbuehl 2019, eq. 1), the cross-entropy of the pixels, and the
    mean distance, in terms of a radius, between where pixels point and the middles of their objects.
    """
    said = network(images)
    peak, sure = truth.heat > 0.999, jax.nn.sigmoid(said.heat)
    hit = (1 - sure) ** 2 * jax.nn.log_sigmoid(said.heat)
    miss = (1 - truth.heat) ** 4 * sure**2 * jax.nn.log_sigmoid(-said.heat)
    middles = -jnp.sum(jnp.where(peak, hit, miss)) / jnp.maximum(jnp.sum(peak), 1)
    pixels = jnp.mean(truth.weight * optax.sigmoid_binary_cross_entropy(said.inside, truth.inside))
    astray = truth.inside[..., None] * jnp.abs(said.offsets - truth.offsets)
    return middles + 4 * pixels + jnp.sum(astray) / jnp.maximum(jnp.sum(truth.inside), 1) / 7


def _pools(dream: Callable[[np.random.Generator], Example], seed: int, n: int) -> Iterator[tuple[Array, Targets]]:
    """Dreams by the pool, the next drawn by a thread while one is learned from."""

    def draw(index: int) -> tuple[np.ndarray, Targets]:
        rng = np.random.default_rng([seed, index])
        images, truth = zip(*(dream(rng) for _ in range(POOL)), strict=True)
        return np.stack(images), Targets(*(np.stack(part) for part in zip(*truth, strict=True)))

    for images, truth in ahead(draw, range(n), most=2):
        yield jnp.asarray(images), Targets(*map(jnp.asarray, truth))


def _turned(key: PRNGKeyArray, image: Array, truth: Targets) -> tuple[Array, Targets]:
    """One example, turned and mirrored: one of the eight symmetries of the square."""
    upside, across = jax.random.bernoulli(key, shape=(2,))

    def move(array: Any) -> Array:
        array = jnp.where(upside, array[::-1], array)
        return jnp.where(across, jnp.swapaxes(array, 0, 1), array)

    offsets = jnp.where(upside, truth.offsets * jnp.array([-1.0, 1.0]), truth.offsets)
    offsets = jnp.where(across, offsets[..., ::-1], offsets)
    return move(image), Targets(move(truth.heat), move(truth.inside), move(truth.weight), move(offsets))
