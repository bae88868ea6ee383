"""The smallest models that have every part: 8x8 images, at most two objects, a handful of units."""

from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from attend.config import Config, ModelConfig
from attend.model import Model
from attend.objective import Estimator, estimators
from attend.p import Windows

SIZE = (8, 8, 1)
WIDTHS = {"glance": (4, 4, 4), "lstm": (6,), "lstm-difference": (6,)}


class Additive(eqx.Module):
    """What renderers whose canvas is the sum of their objects have in common: they say `what` and `layer`."""

    size: tuple[int, int, int] = eqx.field(static=True)
    where: Windows = eqx.field(static=True, default=Windows(1.0, 1.0, 1.0))

    def empty(self):
        return jnp.zeros(self.size)

    def add(self, state, layer):
        return state + layer

    def canvas(self, state):
        return state


def sizes(cell: str = "lstm") -> dict[str, Any]:
    """What makes the preset `default` tiny."""
    widths = {"cell_widths": WIDTHS[cell], "encoder_widths": (5,), "decoder_widths": (5,)}
    return {"max_objects": 2, "cell": cell, "what": 2, "glimpse": 4} | widths


def model_config(cell: str = "lstm", **settings: Any) -> ModelConfig:
    return Config().replace(**sizes(cell) | settings).model


def config(cell: str = "lstm", **train: Any) -> Config:
    settings = {"steps": 8, "batch_size": 4, "warmup_steps": 2} | train
    return Config(model_config(cell)).replace(**settings)


def estimator(name: str, **settings: Any) -> Estimator:
    return estimators.make(estimators.settings(name, **settings))


@cache
def model(cell: str = "lstm", seed: int = 0, **settings: Any) -> Model:
    """A fresh model with its numbers shaken, so that nothing is at a symmetric or saturated start."""
    model = eqx.filter_jit(Model.create)(model_config(cell, **settings), SIZE, jax.random.key(seed))
    arrays, static = eqx.partition(model.q, eqx.is_inexact_array)
    generator = np.random.default_rng(seed)
    arrays = jax.tree.map(lambda a: a + 0.1 * generator.standard_normal(a.shape).astype(a.dtype), arrays)
    return eqx.tree_at(lambda m: m.q, model, eqx.combine(arrays, static))


def images(n: int, seed: int = 0, size: tuple[int, ...] = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *size)).astype(np.float32)
