"""Inference anew for each image, without q: gradient ascent on the likelihood, and Markov chain Monte Carlo.

For a lone object whose p is fully specified. The kind of object has no gradient, so each start draws one and keeps it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from attend.model import as_images, keyed_batches, to_unit
from attend.p import Generative, canvas_with

LEARNING_RATE = 0.03
"""Adam's, of a pose in metres and radians; it falls to 0 along a cosine."""


class Fit(NamedTuple):
    """For each image the best that was found, as numpy arrays."""

    where: Float[np.ndarray, "n where"]
    what: Float[np.ndarray, "n what"]
    log_likelihood: Float[np.ndarray, " n"]
    """log p(x | canvas) in nats."""


def optimise(
    p: Generative, images: np.ndarray, *, starts: int, steps: int = 200, seed: int = 0, batch_size: int = 10
) -> Fit:
    """Climb log p(x | where, what) by Adam on `where`, from draws of the prior; the best start of each image.

    Args:
        p: a generative model whose scenes hold one object.
        images: `(n, h, w, c)`, uint8 or float in [0, 1].
        starts: how many draws of where and what to start from.
        steps: of Adam, from each.
        seed: of the draws.
        batch_size: images worked on at once.

    Raises:
        AttendError: the images are not of the renderer's size.
    """
    return _best(eqx.Partial(_climb, p, steps=steps), p, images, seed, batch_size, starts)


def mcmc(
    p: Generative,
    images: np.ndarray,
    *,
    chains: int,
    warmup: int = 200,
    samples: int = 200,
    seed: int = 0,
    batch_size: int = 10,
) -> Fit:
    """Sample p(where | x, what) by NUTS (Hoffman and Gelman 2014, "The No-U-Turn Sampler"), from draws of the prior.

    It needs blackjax. The result is the most probable draw of all chains of an image.

    Args:
        p: a generative model whose scenes hold one object.
        images: `(n, h, w, c)`, uint8 or float in [0, 1].
        chains: how many, each with a drawn `what` of its own.
        warmup: draws by which step size and mass matrix are set.
        samples: draws after those.
        seed: of all draws.
        batch_size: images worked on at once.

    Raises:
        AttendError: the images are not of the renderer's size.
    """
    return _best(eqx.Partial(_chain, p, warmup=warmup, samples=samples), p, images, seed, batch_size, chains)


def log_likelihood(
    p: Generative, where: Float[Array, " place"], what: Float[Array, " d"], image: Float[Array, "h w c"]
) -> Float[Array, ""]:
    """log p(image | one object), in nats."""
    return p.likelihood.log_prob(image, canvas_with(p.renderer, p.renderer.empty(), where, what))


def _climb(p: Generative, image: Array, key: PRNGKeyArray, *, steps: int) -> tuple[Array, Array, Array]:
    """Where one start leads."""
    where_key, what_key = jax.random.split(key)
    what = p.what.sample(what_key)
    optimiser = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))

    def step(carry, _):
        where, state = carry
        updates, state = optimiser.update(jax.grad(log_likelihood, 1)(p, where, what, image), state)
        return (where - updates, state), None

    where = p.where.sample(where_key)
    (best, _), _ = jax.lax.scan(step, (where, optimiser.init(where)), None, steps)
    return best, what, log_likelihood(p, best, what, image)


def _chain(p: Generative, image: Array, key: PRNGKeyArray, *, warmup: int, samples: int) -> tuple[Any, Array, Array]:
    """The most probable draw of one chain."""
    import blackjax

    what_key, where_key, warmup_key, key = jax.random.split(key, 4)
    what = p.what.sample(what_key)

    def log_density(where):
        return log_likelihood(p, where, what, image) + p.where.log_prob(where)

    warm: Any = blackjax.window_adaptation(blackjax.nuts, log_density, max_num_doublings=5)
    (state, parameters), _ = warm.run(warmup_key, p.where.sample(where_key), warmup)
    kernel = blackjax.nuts(log_density, **parameters)

    def step(state, key):
        moved: Any = kernel.step(key, state)[0]
        return moved, (moved.position, moved.logdensity)

    _, (positions, densities) = jax.lax.scan(step, state, jax.random.split(key, samples))
    where = positions[jnp.argmax(densities)]
    return where, what, log_likelihood(p, where, what, image)


def _best(
    attempt: Callable[[Array, PRNGKeyArray], Any], p: Generative, images: Any, seed: int, batch_size: int, tries: int
) -> Fit:
    """The best of `tries` attempts at each image; a batch that is not full is filled up, so that it compiles once."""
    images = as_images(images, p.renderer.size)
    pairs = keyed_batches(images, seed, batch_size, filled=True)
    parts = [jax.tree.map(np.asarray, _best_of_each(attempt, *pair, tries=tries)) for pair in pairs]
    return Fit(*(np.concatenate(part)[: len(images)] for part in zip(*parts, strict=True)))


@eqx.filter_jit
def _best_of_each(attempt: Any, images: Any, key_data: Any, tries: int) -> Any:
    def best(image, key):
        tried = jax.vmap(attempt, in_axes=(None, 0))(image, jax.random.split(key, tries))
        return jax.tree.map(lambda leaf: leaf[jnp.argmax(tried[2])], tried)

    return jax.vmap(best)(to_unit(images), jax.random.wrap_key_data(jnp.asarray(key_data)))
