"""Handwritten characters (the paper's section 3.1): objects become strokes, on alphabets never seen."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.colors import to_rgb
from scipy.stats import spearmanr

from attend.baselines import Classifier, classifier_loss
from attend.data import SceneData, load
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import mse
from attend.experiments.pictures import image_rows
from attend.experiments.runs import train_baseline, train_model
from attend.experiments.truth import counts_of
from attend.figures import step_colour
from attend.geometry import box_window, place
from attend.model import as_float
from attend.scenes import Scenes

SEEDS = (0,)
MODEL = {"max_objects": 6, "scale": 0.35, "scale_sd": 0.4, "what": 12, "glimpse": 16, "count_price": 9.0}
QUICK_CANVAS = 28
QUICK_MODEL = {"max_objects": 4, "what": 8, "scale": 0.35, "scale_sd": 0.4, "count_price": 9.0, "steps": 1000}
TOLD_STEPS, QUICK_TOLD_STEPS = 1_500, 400
"""Of the training of a network that is told the strokes."""
SHOWN = 10
LARGEST = 8
"""Characters with this many strokes or more share a row of the table."""


@experiments.register("omniglot")
def omniglot(settings: Settings) -> Report:
    """Train on the characters of some alphabets; count and paint the strokes of others."""
    seeds = settings.seeds_or(SEEDS)
    source = "omniglot" if settings.omniglot is None else f"omniglot:{settings.omniglot}"
    canvas: dict[str, Any] = settings.choose({}, {"canvas": QUICK_CANVAS})
    train, valid, test = (load(source, split=split, **canvas) for split in ("train", "valid", "test"))
    true, known_true = counts_of(test), counts_of(valid)
    rows, told, pictures = [], [], {"image": as_float(test.images[:SHOWN])}
    correlations, known_correlations, errors, scenes = [], [], [], None
    for seed in seeds:
        config = settings.config(**settings.choose(MODEL, QUICK_MODEL))
        model = train_model(settings, f"seed-{seed}", train, config, seed, valid)
        scenes = model.infer(test.images)
        expected = scenes.count_probs @ np.arange(scenes.count_probs.shape[1])
        correlations.append(rank_correlation(scenes.counts, true))
        errors.append(mse(scenes.images, scenes.reconstructions))
        known = model.infer(valid.images)
        known_correlations.append(rank_correlation(known.counts, known_true))
        rows.append(
            [
                str(seed),
                f"{correlations[-1]:.3f}",
                f"{rank_correlation(expected, true):.3f}",
                f"{known_correlations[-1]:.3f}",
                f"{scenes.counts.mean():.2f}",
                f"{errors[-1]:.4f}",
                f"{mse(known.images, known.reconstructions):.4f}",
            ]
        )
        told.append([str(seed), *(f"{value:.3f}" for value in _told(settings, train, (test, valid), seed))])
        if len(pictures) == 1:
            pictures |= {
                "strokes": strokes_in_colours(scenes[:SHOWN]),
                "reconstruction": scenes.reconstructions[:SHOWN],
            }
    average = as_float(train.images).mean(axis=0)
    blank = mse(as_float(test.images), np.broadcast_to(average, (len(test), *average.shape)))
    assert scenes is not None
    headings = ("seed", "correlation", "of E[n]", "known alphabets", "mean inferred", "MSE", "MSE, known alphabets")
    tables = [
        Table("Unseen alphabets", headings, rows),
        Table("A network trained with the true number of strokes", ("seed", "correlation", "known alphabets"), told),
        _by_strokes(scenes, true),
    ]
    which, found, bound = settings.choose(("unseen", correlations, 0.6), ("known", known_correlations, 0.1))
    checks = [
        Check(f"rank correlation, {which} alphabets", float(np.median(found)), bound),
        Check("MSE over that of the mean image", float(np.median(errors)) / blank, settings.choose(0.5, 0.8), True),
    ]
    return Report(
        "Omniglot: characters as strokes", seeds, tables, {"strokes": image_rows(pictures)}, checks, _notes(train, test)
    )


def _told(settings: Settings, train: SceneData, others: Sequence[SceneData], seed: int) -> list[float]:
    """The rank correlations in other drawings by a network that learns the strokes of `train` from labels."""
    network = train_baseline(
        settings,
        f"told-{seed}",
        Classifier(train.image_shape, LARGEST + 1, key=jax.random.key(seed)),
        classifier_loss,
        {"images": train.images, "labels": np.minimum(counts_of(train), LARGEST).astype(np.int32)},
        steps=settings.choose(TOLD_STEPS, QUICK_TOLD_STEPS),
        seed=seed,
    )
    return [rank_correlation(network.predict(data.images), counts_of(data)) for data in others]


def strokes_in_colours(scenes: Scenes) -> np.ndarray:
    """The layers of the objects, each in the colour of its step, added up: (n, H, W, 3) in [0, 1]."""
    colours = jnp.array([to_rgb(step_colour(t)) for t in range(scenes.boxes.shape[1])])
    height, width, _ = scenes.images.shape[1:]

    def paint(box, patch, colour):
        return place(patch.mean(axis=-1, keepdims=True), box_window(box, (height, width)), (height, width)) * colour

    layers = eqx.filter_jit(jax.vmap(jax.vmap(paint), in_axes=(0, 0, None)))(
        jnp.asarray(scenes.boxes, jnp.float32), jnp.asarray(scenes.patches), colours
    )
    return np.clip((np.asarray(layers) * scenes.exists[:, :, None, None, None]).sum(axis=1), 0, 1)


def rank_correlation(inferred: np.ndarray, true: np.ndarray) -> float:
    """Spearman's, with average ranks for ties; 0 when all are alike."""
    return float(np.asarray(spearmanr(inferred, true))[0]) if np.ptp(inferred) and np.ptp(true) else 0.0


def _by_strokes(scenes: Scenes, true: np.ndarray) -> Table:
    """How many objects are inferred in characters of each number of strokes."""
    true = np.minimum(true, LARGEST)
    rows = [
        [f"{n}" if n < LARGEST else f"{n} or more", f"{len(counts):,}", f"{counts.mean():.2f} ± {counts.std():.2f}"]
        for n in np.unique(true)
        for counts in [scenes.counts[true == n]]
    ]
    return Table("Inferred objects by true strokes (last seed)", ("true strokes", "characters", "inferred"), rows)


def _notes(train: SceneData, test: SceneData) -> tuple[str, ...]:
    assert test.names is not None
    alphabets = sorted({name.partition("/")[0] for name in test.names})
    return (
        f"The model is trained on {len(train):,} drawings and tested on {len(test):,} drawings of alphabets that are "
        f"in no other split: {', '.join(alphabets)}.",
        "Correlation: Spearman's rank correlation of the most probable count and the recorded number of pen strokes.",
        "Known alphabets: drawings by people who made no training drawing.",
        f"The supervised network has the encoder of the autoencoder. For {TOLD_STEPS:,} steps it learns the recorded "
        f"numbers of strokes of the training drawings; {LARGEST} or more are one class.",
    )
