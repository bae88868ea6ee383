"""Four estimators of one gradient: their noise at equal compute, their learning curves, their time."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from attend.baselines import fit_baseline
from attend.config import Config
from attend.data import SceneData
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spread
from attend.experiments.pictures import curves
from attend.experiments.runs import train_model
from attend.model import Model, as_float, to_unit
from attend.objective import Estimator
from attend.objective import estimators as registry
from attend.p import annealed_log_odds, geometric
from attend.training import RunFolder

SEEDS = range(5)
NAMES = ("exact", "nvil", "nvil-no-baseline", "concrete")
STEPS, QUICK_STEPS = 6000, 700
"""Of each training."""
PROBE_STEPS, QUICK_PROBE_STEPS = (500, 2000), (200,)
"""Steps of training with `exact` after which the gradient's noise is measured."""
BATCH, REPEATS, QUICK_REPEATS = 64, 500, 100
"""Images, the same each time, and gradients whose variance is taken."""
BASELINE_STEPS, QUICK_BASELINE_STEPS = 2000, 300
"""For NVIL's baseline to learn, with the probed model held still."""


@experiments.register("estimators")
def estimators(settings: Settings) -> Report:
    """Train with every estimator from every seed; measure the variance of their gradients on one model."""
    seeds = settings.seeds_or(SEEDS)
    train, valid = settings.scenes("train"), settings.scenes("valid")
    config = settings.config(steps=settings.choose(STEPS, QUICK_STEPS))
    metrics: dict[str, list[list[dict[str, Any]]]] = {}
    for name in NAMES:
        for seed in seeds:
            run = f"{name}-{seed}"
            train_model(settings, run, train, config.replace(estimator=name), seed, valid)
            metrics.setdefault(name, []).append(RunFolder(settings.runs / run).metrics())
    step_ms = {name: _step_ms(runs, config.train.batch_size) for name, runs in metrics.items()}
    tables, checks = [_learning_table(metrics, step_ms)], []
    for steps in settings.choose(PROBE_STEPS, QUICK_PROBE_STEPS):
        model = train_model(settings, f"probed-{steps}", train, settings.config(steps=steps, decay="none"), seeds[0])
        noise = {name: gradient_noise(settings, name, model, config, steps, train) for name in NAMES}
        tables.append(_noise_table(steps, noise, step_ms))
        ratio = noise["nvil"][0] / noise["exact"][0]
        checks.append(Check(f"variance of nvil over exact, step {steps:,}", ratio, 1.0))
        ratio = noise["nvil-no-baseline"][0] / noise["nvil"][0]
        checks.append(Check(f"variance without baseline over with, step {steps:,}", ratio, 1.0))
    figures = {
        "accuracy": curves(_lines(metrics, "count_accuracy"), "training step", "count accuracy, validation"),
        "elbo": curves(_lines(metrics, "elbo"), "training step", "ELBO, nats"),
    }
    lowest = min(run[-1]["count_accuracy"] for run in metrics["exact"])
    checks.append(Check("count accuracy with exact, worst seed", lowest, settings.choose(0.95, 0.6)))
    return Report("Estimators of the gradient", seeds, tables, figures, checks, NOTES)


def gradient_noise(
    settings: Settings, name: str, model: Model, config: Config, step: int, data: SceneData
) -> tuple[float, float]:
    """The variance of the gradient of q's parameters, summed over them, and the squared length of its mean.

    One batch of images, many draws of the latents; the count prior is that of training step `step`.
    """
    estimator = registry.make(registry.settings(name))
    t = config.train
    log_odds = annealed_log_odds(
        jnp.asarray(step), t.count_log_odds_start, -config.model.count_price, t.count_anneal_steps
    )
    log_p_count = geometric(log_odds, model.p.max_objects)
    own = _trained_own(settings, estimator, model, log_p_count, data)
    images = jnp.asarray(as_float(data.images[:BATCH]))
    parameters, static = eqx.partition(model.q, eqx.is_inexact_array)

    def loss(parameters, key):
        return estimator.loss(own, model.p, eqx.combine(parameters, static), images, log_p_count, key)[0]

    @jax.jit
    def moments(keys):
        def add(sums, key):
            gradient = jax.grad(loss)(parameters, key)
            return (jax.tree.map(jnp.add, sums[0], gradient), sums[1] + _squared(gradient)), None

        return jax.lax.scan(add, (jax.tree.map(jnp.zeros_like, parameters), jnp.zeros(())), keys)[0]

    repeats = settings.choose(REPEATS, QUICK_REPEATS)
    total, squares = moments(jax.random.split(jax.random.key(0), repeats))
    mean_squared = _squared(total) / repeats**2
    variance = (squares / repeats - mean_squared) * repeats / (repeats - 1)
    return float(variance), float(mean_squared)


def _trained_own(
    settings: Settings, estimator: Estimator, model: Model, log_p_count: Float[Array, " n"], data: SceneData
) -> Any:
    """The estimator's own parameters, NVIL's baseline that is, fitted to the model as it stands."""
    own = estimator.init(model.size, model.p.max_objects, jax.random.key(0))
    if own is None:
        return None

    def loss(own, images, key, step):
        _, logged = estimator.loss(own, model.p, model.q, to_unit(images), log_p_count, key)
        return logged["baseline_error"], {}

    steps = settings.choose(BASELINE_STEPS, QUICK_BASELINE_STEPS)
    return fit_baseline(own, loss, data.images, steps=steps, batch_size=BATCH, progress=False)


def _squared(tree: Any) -> Float[Array, ""]:
    return optax.tree.norm(tree, squared=True)


def _step_ms(runs: list[list[dict[str, Any]]], batch_size: int) -> float:
    """The median time of a step."""
    return float(np.median([1000 * batch_size / row["images_per_second"] for run in runs for row in run]))


def _lines(metrics: dict[str, list[list[dict[str, Any]]]], key: str) -> dict[str, list[tuple[list, list]]]:
    return {
        name: [
            ([float(row["step"]) for row in run if key in row], [row[key] for row in run if key in row]) for run in runs
        ]
        for name, runs in metrics.items()
    }


def _learning_table(metrics: dict[str, list[list[dict[str, Any]]]], step_ms: dict[str, float]) -> Table:
    rows = [
        [
            name,
            spread([run[-1]["count_accuracy"] for run in runs]),
            spread([run[-1]["elbo"] for run in runs], "{:.1f}"),
            f"{step_ms[name]:.1f}",
        ]
        for name, runs in metrics.items()
    ]
    return Table("Learning", ("estimator", "count accuracy", "ELBO of the last steps", "ms a step"), rows)


def _noise_table(steps: int, noise: dict[str, tuple[float, float]], step_ms: dict[str, float]) -> Table:
    reference, unit = noise["exact"][0], step_ms["exact"]
    rows = [
        [
            name,
            f"{variance:.4g}",
            f"{variance / reference:.2f}",
            f"{variance / reference * step_ms[name] / unit:.2f}",
            f"{mean_squared**0.5:.4g}",
        ]
        for name, (variance, mean_squared) in noise.items()
    ]
    headings = ("estimator", "variance", "relative to exact", "at equal compute", "length of the mean")
    return Table(f"The gradient's variance after {steps:,} steps", headings, rows)


NOTES = (
    f"Variance: the variance of the gradient of a batch of {BATCH} images with respect to the parameters of q, "
    "summed over the parameters. Only the samples of the latent variables differ. The model was trained with exact, "
    "and the baseline of NVIL was fitted to that model.",
    "At equal compute: the relative variance times the relative time of a step, because averaging k gradients takes k "
    "times as long and divides the variance by k.",
    "Length of the mean: concrete is biased and follows another gradient; the other three estimators follow the same "
    "one.",
)
