"""What the baselines share: how they are trained, and how they are applied to many images."""

import os
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from attend.errors import AttendError
from attend.model import as_images
from attend.training import RunFolder, TrainState, make_advance, train

M = TypeVar("M", bound=eqx.Module)

PIXEL_SD = 0.3
"""Standard deviation of the pixel noise, that of AIR, so that likelihoods and bounds compare."""

DARK = -2.0
"""Where the logits of painted pixels start, as in AIR's decoder, since images are mostly black."""

LOG_EVERY, CHECKPOINT_EVERY = 100, 1000
"""Steps between rows of metrics, and between checkpoints."""


def fit_baseline(
    module: M,
    loss: Callable[..., tuple[Array, dict[str, Array]]],
    data: PyTree,
    *,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    seed: int = 0,
    run: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> M:
    """Train all arrays of `module`, by Adam with AIR's default schedule: a warm-up, then a cosine.

    Args:
        module: a baseline with fresh parameters.
        loss: `loss(module, batch, key, step) -> (loss, metrics)`, say `elbo_loss`.
        data: a pytree of arrays with equal first axes, of which `batch` is some rows: what the loss takes.
        steps: optimiser steps.
        batch_size: examples a step.
        learning_rate: Adam's, at the end of the warm-up.
        seed: of the order of the data and of all noise.
        run: a new folder for curves and checkpoints; nothing is written when None.
        progress: show a progress bar.

    Raises:
        AttendError: a setting does not fit, the run folder is in the way, or the loss is no longer finite.
    """
    for name, value in {"steps": steps, "learning_rate": learning_rate}.items():
        if not value > 0:
            raise AttendError(f"{name}: is {value}; it must be above 0")
    settings = {"baseline": type(module).__name__, "steps": steps, "batch_size": batch_size}
    settings |= {"learning_rate": learning_rate, "seed": seed}
    warmup = min(100, steps // 10)
    schedule = optax.warmup_cosine_decay_schedule(0.0, learning_rate, warmup, steps, learning_rate / 100)
    optimiser = optax.chain(optax.clip_by_global_norm(10.0), optax.adam(schedule))
    parameters, static = eqx.partition(module, eqx.is_inexact_array)

    def loss_of(parameters, batch, key, step):
        return loss(eqx.combine(parameters, static), batch, key, step)

    state = train(
        TrainState.create(parameters, optimiser, jax.random.key(seed)),
        make_advance(loss_of, optimiser, data, batch_size),
        steps=steps,
        every=LOG_EVERY,
        run=None if run is None else RunFolder.create(run, settings),
        checkpoint_every=CHECKPOINT_EVERY,
        progress=progress,
    )
    return eqx.combine(state.params, static)


@runtime_checkable
class Variational(Protocol):
    """A baseline with a bound on log p(image)."""

    def elbo(self, image: Float[Array, "h w c"], key: PRNGKeyArray) -> Float[Array, ""]:
        """A one-sample estimate of the bound, in nats, all constants included."""
        ...


def elbo_loss(
    module: Variational, images: Array, key: PRNGKeyArray, step: Int[Array, ""] | int
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The negative ELBO of a batch of images, averaged; for `fit_baseline`, whose data are then the images."""
    keys = jax.random.split(key, len(images))
    elbo = jnp.mean(jax.vmap(module.elbo)(as_unit(images), keys))
    return -elbo, {"elbo": elbo}


def as_unit(images: Array) -> Float[Array, "*b h w c"]:
    """uint8 0..255 as float32 in [0, 1]; floats as they are."""
    return images / 255.0 if images.dtype == jnp.uint8 else images


def for_each(function: Callable[[Float[Array, "h w c"]], Any], images: Any, size: tuple[int, int, int]) -> Any:
    """`function` of each image, stacked, as numpy arrays.

    Args:
        function: a method of a baseline, of one image in [0, 1].
        images: `(n, H, W, C)`, or `(n, H, W)` when grey, of `size`; uint8, or float in [0, 1].
        size: height, width and channels that the baseline knows.

    Raises:
        AttendError: the images are not such an array.
    """
    return jax.device_get(_map(function, as_images(images, size)))


@eqx.filter_jit
def _map(function, images):
    return jax.lax.map(lambda image: function(as_unit(image)), images, batch_size=256)
