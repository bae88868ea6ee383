"""One solid on a table (the paper's section 3.3): inverting a renderer, four ways."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from attend.baselines import SceneNet, mcmc, optimise, scene_loss, scene_targets
from attend.config import preset
from attend.data import SceneData, load
from attend.evaluation import pose_errors
from attend.experiments import on_table
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.numbers import spreads
from attend.experiments.on_table import table_of
from attend.experiments.pictures import image_rows
from attend.experiments.runs import train_baseline, train_model
from attend.experiments.truth import table_truth_of
from attend.files import read_npz, write_npz
from attend.model import Model, as_float
from attend.p import Generative, canvas_with

WORLD = "objects-3d"
SEEDS = (0, 1, 2)
N, QUICK_N = {"train": 10_000, "valid": 500, "test": 2_000}, {"train": 2_000, "valid": 100, "test": 300}
CANVAS, LARGE = 32, 64
QUICK_MODEL = on_table.QUICK_MODEL | {"steps": 400}
STEPS, QUICK_STEPS = 5_000, 300
"""Of the supervised network's training."""
STARTS, QUICK_STARTS = (1, 10, 100), (2,)
"""Random starts of the optimisation of each image."""
CLIMB_STEPS, QUICK_CLIMB_STEPS = 200, 20
CLIMBED, QUICK_CLIMBED = 50, 8
"""How many test images are optimised."""
CHAINS, CHAIN_DRAWS = 6, 200
"""Of NUTS for each image; as many draws again are its warm-up."""
SAMPLED = 10
"""How many test images are sampled; none in a quick run."""
SHOWN = 10


class Answer(NamedTuple):
    """What a method says of images of one object each, and how long it took for each."""

    where: Float[np.ndarray, "n 3"]
    kinds: Int[np.ndarray, " n"]
    seconds: float


class Score(NamedTuple):
    """How right that is. Yaw errors, in degrees, are of the kinds that a turn changes."""

    identity: float
    position: float
    position_90: float
    yaw: float
    yaw_90: float
    cube_yaw: float
    log_likelihood: float
    milliseconds: float


@experiments.register(WORLD)
def objects_3d(settings: Settings) -> Report:
    """Learn to invert the renderer, without labels and with; and invert it for each image by itself."""
    seeds = settings.seeds_or(SEEDS)
    p, test, scores, pictures = _learn(settings, CANVAS, seeds)
    few = test[: settings.choose(CLIMBED, QUICK_CLIMBED)]
    searches: dict[str, tuple[SceneData, Callable]] = {
        f"optimised, {starts} starts": (few, _climb(starts, settings.choose(CLIMB_STEPS, QUICK_CLIMB_STEPS)))
        for starts in settings.choose(STARTS, QUICK_STARTS)
    }
    if not settings.quick:
        searches["NUTS"] = (test[:SAMPLED], _sample)
    for name, (data, search) in searches.items():
        answer = _kept(settings.runs / f"{name}.npz", partial(_timed, partial(search, p), data, 1))
        scores[name] = [_score(p, answer, data)]
        pictures[name] = _drawn(p, answer)[:SHOWN]
    width = table_of(p).width
    tables = [_table(f"Inverting a renderer of one solid, {CANVAS}x{CANVAS} pixels", scores, width)]
    if not settings.quick:
        tables.append(_table(f"The same, {LARGE}x{LARGE} pixels", _learn(settings, LARGE, seeds).scores, width))
    figure = image_rows(pictures)
    return Report("One solid on a table", seeds, tables, {"found": figure}, _checks(settings, scores, width), NOTES)


class Learned(NamedTuple):
    """What has been learned from images of one size: the p that was known, scenes to test on, how well it went."""

    p: Generative
    test: SceneData
    scores: dict[str, list[Score]]
    pictures: dict[str, Float[np.ndarray, "n h w 3"]]


def _learn(settings: Settings, canvas: int, seeds: tuple[int, ...]) -> Learned:
    """Train from every seed, without labels and with."""
    train, valid, test = (
        load(WORLD, split=split, n=n, canvas=canvas) for split, n in settings.choose(N, QUICK_N).items()
    )
    config = preset(WORLD).replace(**settings.choose({}, QUICK_MODEL))
    targets, steps = scene_targets(train, 1), settings.choose(STEPS, QUICK_STEPS)
    suffix = "" if canvas == CANVAS else f"-{canvas}"
    scores: dict[str, list[Score]] = {}
    pictures = {"image": as_float(test.images[:SHOWN])}
    p = None
    for seed in seeds:
        model = train_model(settings, f"air-{seed}{suffix}", train, config, seed, valid)
        p, table = model.p, table_of(model.p)
        net = SceneNet(config.model, train.image_shape, len(table.kinds), table.where, key=jax.random.key(seed))
        net = train_baseline(settings, f"supervised-{seed}{suffix}", net, scene_loss, targets, steps=steps, seed=seed)
        answers = {"AIR, no labels": _air(model, test), "supervised": _supervised(net, test)}
        for name, answer in answers.items():
            scores.setdefault(name, []).append(_score(p, answer, test))
            pictures.setdefault(name, _drawn(p, answer)[:SHOWN])
    assert p is not None
    return Learned(p, test, scores, pictures)


HEADINGS = (
    "method",
    "correct kind",
    "place, % of the table: median",
    "90 %",
    "yaw, degrees: median",
    "90 %",
    "of the cube: median",
    "log likelihood, nats",
    "ms an image",
)


def _table(title: str, scores: dict[str, list[Score]], width: float) -> Table:
    return Table(title, HEADINGS, [_row(name, found, width) for name, found in scores.items()])


def _row(name: str, scores: list[Score], width: float) -> list[str]:
    forms = ("{:.1%}", "{:.1%}", "{:.1%}", "{:.1f}", "{:.1f}", "{:.1f}", "{:.1f}", "{:.3g}")
    scaled = [s._replace(position=s.position / width, position_90=s.position_90 / width) for s in scores]
    return [name, *spreads(scaled, forms)]


def _air(model: Model, data: SceneData) -> Answer:
    def infer(images):
        scenes = model.infer(images)
        return scenes.where[:, 0], scenes.what[:, 0].argmax(axis=1)

    return _timed(infer, data)


def _supervised(net: SceneNet, data: SceneData) -> Answer:
    def predict(images):
        found = net.predict(images)
        return found.where[:, 0], found.classes[:, 0]

    return _timed(predict, data)


def _climb(starts: int, steps: int) -> Callable:
    def search(p: Generative, images: np.ndarray):
        fit = optimise(p, images, starts=starts, steps=steps)
        return fit.where, fit.what.argmax(axis=1)

    return search


def _sample(p: Generative, images: np.ndarray):
    fit = mcmc(p, images, chains=CHAINS, warmup=CHAIN_DRAWS, samples=CHAIN_DRAWS)
    return fit.where, fit.what.argmax(axis=1)


def _kept(path: Path, search: Callable[[], Answer]) -> Answer:
    """The answer in a file or, if there is none yet, that of a search, which then is kept there."""
    if not path.exists():
        write_npz(path, {name: np.asarray(value) for name, value in search()._asdict().items()})
    stored = read_npz(path)
    return Answer(stored["where"], stored["kinds"], float(stored["seconds"]))


def _timed(infer: Callable, data: SceneData, few: int | None = None) -> Answer:
    """The answer, timed once what it runs is compiled, for which a search needs few images."""
    infer(data.images[:few])
    started = time.perf_counter()
    where, kinds = infer(data.images)
    return Answer(where, kinds, (time.perf_counter() - started) / len(data))


def _drawn(p: Generative, answer: Answer) -> Float[np.ndarray, "n h w 3"]:
    """The objects of an answer as the renderer shows them."""

    renderer = table_of(p)

    @jax.jit
    def draw(wheres, kinds):
        def one(where, kind):
            return canvas_with(renderer, renderer.empty(), where, jax.nn.one_hot(kind, len(renderer.kinds)))

        return jax.lax.map(lambda pair: one(*pair), (wheres, kinds), batch_size=64)

    return np.clip(np.asarray(draw(jnp.asarray(answer.where), jnp.asarray(answer.kinds))), 0, 1)


def _score(p: Generative, answer: Answer, data: SceneData) -> Score:
    truth, renderer = table_truth_of(data), table_of(p)
    ones = np.ones(len(data), np.int64)
    errors = pose_errors(
        answer.where[:, None], answer.kinds[:, None], ones, truth.poses, truth.labels, renderer.what.folds or ()
    )
    canvases, images = _drawn(p, answer), as_float(data.images)
    likelihoods = jax.vmap(p.likelihood.log_prob)(jnp.asarray(images), jnp.asarray(canvases))
    yaw = np.degrees(errors.yaw)
    cube = yaw[errors.turnable == renderer.kinds.index("cube")]
    return Score(
        identity=float(errors.identity.mean()),
        position=float(np.median(errors.position)),
        position_90=float(np.quantile(errors.position, 0.9)),
        yaw=float(np.median(yaw)),
        yaw_90=float(np.quantile(yaw, 0.9)),
        cube_yaw=float(np.median(cube)),
        log_likelihood=float(np.mean(likelihoods)),
        milliseconds=1000 * answer.seconds,
    )


def _checks(settings: Settings, scores: dict[str, list[Score]], width: float) -> list[Check]:
    air, supervised = scores["AIR, no labels"], scores["supervised"]
    if settings.quick:
        return [Check("correct kind by AIR", min(s.identity for s in air), 0.6)]
    search = scores["optimised, 10 starts"][0]
    middle = [np.median([getattr(s, key) for s in air]) for key in ("milliseconds", "log_likelihood")]
    return [
        Check("correct kind by AIR, worst seed", min(s.identity for s in air), 0.99),
        Check(
            "median error of place over the table's width, worst seed", max(s.position for s in air) / width, 0.02, True
        ),
        Check("median error of yaw in degrees, worst seed", max(s.yaw for s in air), 5.0, True),
        Check("correct kind, AIR less supervised", _middle(air, "identity") - _middle(supervised, "identity"), 0.0),
        Check("yaw of the cube, supervised less AIR", _middle(supervised, "cube_yaw") - _middle(air, "cube_yaw"), 0.0),
        Check("time of 10 starts over AIR's", search.milliseconds / float(middle[0]), 1000.0),
        Check("log likelihood, AIR less 10 starts", float(middle[1]) - search.log_likelihood, 0.0),
    ]


def _middle(scores: list[Score], key: str) -> float:
    return float(np.median([getattr(score, key) for score in scores]))


NOTES = (
    "AIR: the preset `objects-3d`, which knows the renderer and sees only images. Supervised: the same cell, trained "
    "with the kind and the pose of the object in every training image.",
    f"Optimised: Adam changes the pose for {CLIMB_STEPS} steps. Each start has a kind and a pose that are drawn from "
    f"the prior; the best start counts. Measured on the first {CLIMBED} images. NUTS: {CHAINS} chains of "
    f"{CHAIN_DRAWS} draws after a warm-up of {CHAIN_DRAWS}; the most probable draw counts. Measured on the first "
    f"{SAMPLED} images.",
    "Place and yaw: the error of the inferred pose. A rotation that does not change the appearance of the object "
    "counts as no error, and kinds that look the same under every rotation have no error of the yaw.",
    "Log likelihood: that of the image given the inferred object. The times use every core, process images in batches, "
    "and do not include compilation.",
)
