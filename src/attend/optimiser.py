"""The optimisers of p, q and whatever an estimator learns for itself."""

from collections.abc import Hashable

import jax
import optax

from attend.config import TrainConfig
from attend.muon import muon
from attend.objective import BaselineSettings


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
