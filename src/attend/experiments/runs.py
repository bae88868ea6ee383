"""Trained models as run folders: a finished one is used again, so an interrupted reproduction goes on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from attend.baselines import fit_baseline
from attend.config import Config
from attend.data import SceneData
from attend.errors import AttendError
from attend.experiments.frame import Settings
from attend.files import atomic_file, read_npz, write_npz
from attend.fitting import fit
from attend.model import Model
from attend.training import RunFolder

M = TypeVar("M", bound=eqx.Module)


def claim(name: str, settings: Settings) -> None:
    """Mark the folder of runs as this experiment's on these data; AttendError when it is another's."""
    facts = {"experiment": name, "quick": settings.quick, "data": settings.data}
    path = settings.runs / "experiment.json"
    if not path.exists():
        with atomic_file(path) as file:
            file.write(json.dumps(facts).encode())
    elif (found := json.loads(path.read_text())) != facts:
        raise AttendError(f"{settings.runs}: holds the runs of {found}, not of {facts}; choose another with --runs")


def trained_seconds(runs: Path) -> float:
    """The time that the trainings in a folder of runs took, so far."""
    rows = [RunFolder(path.parent).metrics() for path in runs.glob("*/config.json")]
    return sum((run[-1]["seconds"] for run in rows if run), 0.0)


def train_model(
    settings: Settings,
    name: str,
    data: SceneData,
    config: Config,
    seed: int,
    validation: SceneData | None = None,
) -> Model:
    """`attend.fit` in the run folder called `name`; a training that is there already goes on, or is taken if finished.

    Raises:
        AttendError: the run folder is of other settings.
    """
    run = settings.runs / name
    resume = (run / "config.json").exists()
    return fit(data, config=config, seed=seed, run=run, resume=resume, validation=validation)


def train_baseline(
    settings: Settings,
    name: str,
    module: M,
    loss: Callable[..., Any],
    data: PyTree,
    *,
    steps: int,
    seed: int,
    batch_size: int = 64,
) -> M:
    """`fit_baseline` in the run folder called `name`, or the network that is there already.

    A training that was interrupted starts again. A batch has no more than all examples.

    Raises:
        AttendError: the run folder is of other settings.
    """
    run, batch_size = settings.runs / name, min(batch_size, len(jax.tree.leaves(data)[0]))
    arrays, static = eqx.partition(module, eqx.is_inexact_array)
    leaves, tree = jax.tree.flatten(arrays)
    if run.exists():
        wanted = {"baseline": type(module).__name__, "steps": steps, "batch_size": batch_size, "seed": seed}
        stored = RunFolder(run).config()
        if any(stored.get(key) != value for key, value in wanted.items()):
            raise AttendError(f"{run}: was trained with other settings; remove it, or choose another with --runs")
        if (run / "weights.npz").exists():
            stored = read_npz(run / "weights.npz")
            if [stored[key].shape for key in sorted(stored)] != [leaf.shape for leaf in leaves]:
                raise AttendError(f"{run}: its weights have other sizes; remove it, or choose another with --runs")
            return eqx.combine(jax.tree.unflatten(tree, [jnp.asarray(stored[key]) for key in sorted(stored)]), static)
        with RunFolder(run).locked():
            shutil.rmtree(run)
    module = fit_baseline(module, loss, data, steps=steps, batch_size=batch_size, seed=seed, run=run)
    leaves = jax.tree.leaves(eqx.filter(module, eqx.is_inexact_array))
    write_npz(run / "weights.npz", {f"{index:03}": np.asarray(leaf) for index, leaf in enumerate(leaves)})
    return module
