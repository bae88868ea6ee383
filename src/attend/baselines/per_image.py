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

from attend.model import as_images, to_unit
from attend.p import Generative

LEARNING_RATE = 0.03
"""Adam's, of a pose in metres and radians; it falls to 0 along a cosine."""


class Fit(NamedTuple):
    """For each image the best that was found, as numpy arrays."""

    where: Float[np.ndarray, "n where"]
    what: Float[np.ndarray, "n what"]
    log_likelihood: Float[np.ndarray, " n"]
    """log p(x | canvas) in nats."""


def optimise(
    p: Generative, images: np.ndarray, *, starts: int, steps: int = 200, seed: int = 0, batch_size: int = 8
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

    def climb(image: Array, key: PRNGKeyArray) -> tuple[Array, Array, Array]:
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

    return _each(p, images, seed, batch_size, starts, climb)


def mcmc(
    p: Generative,
    images: np.ndarray,
    *,
    chains: int,
    warmup: int = 200,
    samples: int = 200,
    seed: int = 0,
    batch_size: int = 8,
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
    import blackjax

    def chain(image: Array, key: PRNGKeyArray) -> tuple[Any, Array, Array]:
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

    return _each(p, images, seed, batch_size, chains, chain)


def log_likelihood(
    p: Generative, where: Float[Array, " place"], what: Float[Array, " d"], image: Float[Array, "h w c"]
) -> Float[Array, ""]:
    """log p(image | one object), in nats."""
    canvas = p.renderer.canvas(p.renderer.add(p.renderer.empty(), where, what))
    return p.likelihood.log_prob(image, canvas)


def _each(
    p: Generative,
    images: np.ndarray,
    seed: int,
    batch_size: int,
    tries: int,
    attempt: Callable[[Array, PRNGKeyArray], tuple[Array, Array, Array]],
) -> Fit:
    """The best of `tries` attempts at each image."""

    @eqx.filter_jit
    def best(images, keys):
        def one(image, key):
            tried = jax.vmap(attempt, in_axes=(None, 0))(image, jax.random.split(key, tries))
            return jax.tree.map(lambda leaf: leaf[jnp.argmax(tried[2])], tried)

        return jax.vmap(one)(to_unit(images), keys)

    images = as_images(images, p.renderer.size)
    keys = jax.random.split(jax.random.key(seed), len(images))
    parts = [
        best(images[start : start + batch_size], keys[start : start + batch_size])
        for start in range(0, len(images), batch_size)
    ]
    return Fit(*(np.concatenate([np.asarray(part[field]) for part in parts]) for field in range(3)))
