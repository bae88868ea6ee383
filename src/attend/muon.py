"""The optimiser Muon, for the weights of layers, beside Adam for all else."""

from typing import Any

import jax
import optax
from jaxtyping import PyTree

RMS = 0.2
"""Of an update by Muon, in learning rates: about that of one by Adam (Liu et al. 2025, "Muon is Scalable for LLM
Training", section 2.2), so that one learning rate serves both."""

MOMENTUM, FORGETS, ITERATIONS = 0.9, 0.99, 4
"""Of Muon's gradients, of the squares in Adam's part of it, and Newton-Schulz iterations: trainings are short, and the
updates need not be orthogonal to more than some tenths."""


def muon(rate: optax.ScalarOrSchedule) -> optax.GradientTransformation:
    """Steps of the same length in every direction that a weight matrix can change in (Jordan et al. 2024, "Muon: An
    optimizer for hidden layers in neural networks").

    Weights are the leaves of two and more axes that are called so; the last axis is taken for one side of the matrix,
    all others together for the other.
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
    """Which parameters are weights of layers, and how they are matrices."""

    def of(path: tuple[Any, ...], leaf: Any) -> optax.contrib.MuonDimensionNumbers | None:
        if getattr(path[-1], "name", None) != "weight" or leaf.ndim < 2:
            return None
        return optax.contrib.MuonDimensionNumbers(tuple(range(leaf.ndim - 1)), leaf.ndim - 1)

    return jax.tree_util.tree_map_with_path(of, parameters)
