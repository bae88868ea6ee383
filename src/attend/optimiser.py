"""The optimisers of p, q and whatever an estimator learns for itself."""

from collections.abc import Hashable
from typing import Any

import jax
import optax
from jaxtyping import PyTree

from attend.config import TrainConfig
from attend.objective import BaselineSettings

RMS = 0.2
"""Of an update by Muon, in learning rates: about that of one by Adam (Liu et al. 2025, "Muon is Scalable for LLM
Training", section 2.2), so that one learning rate serves both."""

MOMENTUM, FORGETS, ITERATIONS = 0.9, 0.99, 4
"""Of Muon's gradients, of the squares in Adam's part of it, and Newton-Schulz iterations: trainings are short, and the
updates need not be orthogonal to more than some tenths."""


def make_optimiser(config: TrainConfig) -> optax.GradientTransformation:
    """For (model, estimator's own parameters), each with its own learning rate."""

    def schedule(peak: float) -> optax.Schedule:
        if config.decay == "cosine":
            return optax.warmup_cosine_decay_schedule(
                0.0 if config.warmup_steps else peak, peak, config.warmup_steps, config.steps, peak / 100
            )
        rise = optax.linear_schedule(0.0, peak, config.warmup_steps)
        return optax.join_schedules([rise, optax.constant_schedule(peak)], [config.warmup_steps])

    own = config.estimator
    own_rate = own.baseline_learning_rate if isinstance(own, BaselineSettings) else config.learning_rate
    rates = {"model": config.learning_rate, "own": own_rate}
    clip = optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity()
    make = {"adam": optax.adam, "muon": muon}[config.optimiser]
    chains: dict[Hashable, optax.GradientTransformation] = {
        name: optax.chain(clip, make(schedule(rate))) for name, rate in rates.items()
    }

    def labels(parameters):
        model, own = parameters
        return jax.tree.map(lambda _: "model", model), jax.tree.map(lambda _: "own", own)

    return optax.partition(chains, labels)


def muon(rate: optax.Schedule) -> optax.GradientTransformation:
    """Muon for the weights of layers, Adam for all else.

    Muon takes a step of the same length in every direction that a weight matrix can change in (Jordan et al. 2024,
    "Muon: An optimizer for hidden layers in neural networks").
    """
    return optax.contrib.muon(
        rate,
        ns_steps=ITERATIONS,
        beta=MOMENTUM,
        adam_b2=FORGETS,
        consistent_rms=RMS,
        muon_weight_dimension_numbers=_matrices,
    )


def _matrices(parameters: PyTree) -> PyTree:
    """Which parameters are weights of layers, for optax."""

    def of(path: tuple[Any, ...], leaf: Any) -> optax.contrib.MuonDimensionNumbers | None:
        named = getattr(path[-1], "name", None) == "weight"
        return optax.contrib.MuonDimensionNumbers() if named and leaf.ndim == 2 else None

    return jax.tree_util.tree_map_with_path(of, parameters)
