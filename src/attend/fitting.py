"""`fit`: from images to a model."""

import dataclasses
import json
import math
import os
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key, PyTree

from attend.adjust import fitted_batch, fitted_schedule, given_way
from attend.ahead import cores
from attend.config import Config, preset
from attend.data import Augment, Reading, Rules, SceneData, ShuffledImages, dark_objects, open_shuffled, taken
from attend.earlier import two_prices
from attend.errors import AttendError
from attend.material import Material, too_large
from attend.memory import TooLargeError, as_text, available, peak_bytes
from attend.model import Model, to_unit
from attend.objective import Estimator, estimators
from attend.optimiser import make_optimiser
from attend.p import LearnedSettings, annealed_log_odds, geometric, risen
from attend.q import Cell, WithBackdrop
from attend.settings import flattened
from attend.survey import Survey, survey
from attend.training import Devices, RunFolder, TrainState, train
from attend.training.devices import check_same, is_first, losing_none, sharing
from attend.training.leaves import is_key

LOG_EVERY, EVALUATE_EVERY, CHECKPOINT_EVERY = 100, 500, 1000
"""Steps between rows of metrics, between counts on the validation scenes, and between checkpoints."""

REFIT_IMAGES = 10_000
"""Training images over which p(n) is refitted; more would not change it visibly."""

LOOKED_AT_TOGETHER = 64
"""Images that are looked at together, while and after a training."""

LEAST_BATCH = 8
"""To save memory a batch is made no smaller than this: gradients of fewer images are too noisy to learn well from."""

HEADROOM = 0.8
"""Of the memory that there is, so much may be used: estimates are not exact, and other programs run as well."""

COMPILED = 1.3
"""Compiled, a training step takes so much of what `peak_bytes` says of it, or less: measured are 0.87 to 1.24."""

SMALL, NUMBERS = 1 / 2, 128
"""A training is not looked at closely if it needs less than this part of the memory even at so many numbers for each
pixel, channel, image of a batch and canvas, which is more than any renderer takes: measured are 13 to 89."""


def fit(
    images: Any,
    *,
    config: Config | str | None = None,
    seed: int | None = None,
    run: str | os.PathLike[str] | None = None,
    resume: bool = False,
    validation: SceneData | None = None,
    progress: bool = True,
    devices: int | None = None,
    **settings: Any,
) -> Model:
    """Learn to count, locate and describe the objects in images, without labels.

    Args:
        images: `(n, H, W)` or `(n, H, W, C)`, uint8 or float in [0, 1]; or a `SceneData`, of which the run folder
            keeps how it was read from files; or a path, a Pillow image, a list, or whatever else
            `attend.data.as_images` takes, with a warning that says how; or, of files, the `ShuffledImages` of
            `attend.data.open_shuffled`, which are read while the training goes on. So are the files of a path if
            memory is too small for all their images, with a warning.
        config: a preset's name, or a `Config`. None is 'default' with what `survey` tells of the images: what is
            behind the objects, how large they are, how many.
        seed: of the parameters and of all noise, 0 when None; the same seed on the same machine gives the same model
            bit for bit.
        run: a folder for curves and checkpoints; nothing is written when None.
        resume: go on with the training in `run`, to the same result as if it had not been interrupted. Settings and
            seed are the run's own; of those given here only `steps` may differ, to train for longer.
        validation: scenes with known counts on which the accuracy of counting is shown meanwhile.
        progress: show a progress bar.
        devices: of this process, which share each batch equally; None is all accelerators that can, or one processor.
            The same training results on any number of them, but for rounding. Where `jax.distributed.initialize` has
            joined several processes, each calls `fit` with the same arguments, the first one writes the run folder,
            and all return the model.
        **settings: single settings by name, such as `steps=2000` or `renderer="flat", what=19`; see `Config.replace`.

    Settings give way to what there is, with a warning that says so: the batch to the number of images and to the
    memory; the warm-up and the annealing of the count prior to the number of steps, unless they are given as well.

    Raises:
        AttendError: the images or the settings are not as above, the run folder is in the way, or another process of
            the training is gone.
        KeyboardInterrupt: Ctrl-C was pressed; with `run`, the training was saved and can be resumed.
    """
    if resume and run is None:
        raise AttendError("resume: needs the run folder to go on with")
    resumed = Header.read(run) if resume and run is not None else None
    material, reading, lines = _material(images, resumed)
    for line in lines:
        warnings.warn(line, stacklevel=2)
    augment = None if material.stream is None else material.stream.augment
    files = None if material.stream is None else len(material)
    folder = None
    if resumed is not None and run is not None:
        folder, stored = RunFolder(run), resumed
        asked = stored.config if config is None else _config(config)
        kept: dict[str, int] = {}
        if not isinstance(config, Config):  # what has given way in a run stays as it is there
            kept = given_way(stored.config)
            del kept["steps"]
        elif stored.config.train.batch_size < asked.train.batch_size:
            kept = {"batch_size": stored.config.train.batch_size}
        config = asked.advised(kept, **settings)
        stored.check_continues(run, config, seed)
        seed = stored.seed
        if stored.size != material.size:
            raise AttendError(f"{run}: was trained on images of {stored.size}; these are {material.size}")
        if stored.stream != augment:
            was, now = (_told_stream(each) for each in (stored.stream, augment))
            raise AttendError(f"{run}: was trained on images {was}; these are {now}")
        if stored.files not in (None, files):
            raise AttendError(
                f"{run}: was trained on {stored.files:,} files, and there are {files:,} now; give the same"
            )
        if reading is not None and stored.reading is not None and reading != stored.reading:
            raise AttendError(f"{run}: was trained on images read by {stored.reading.rules}; these, by {reading.rules}")
        reading = reading or stored.reading
    else:
        seen = survey(material.images) if config is None else Survey({}, {})
        told, changed, notes = seen.beside(settings), {}, list(seen.warnings)
        if not isinstance(config, Config) and "steps" in settings:
            base = _config(config)
            changed, lines = fitted_schedule(base.model, base.train, settings["steps"], settings)
            notes += lines
        config, seed = _config(config).advised(told | changed, **settings), seed or 0
        fitted, lines = fitted_batch(config.train, len(material))
        config = dataclasses.replace(config, train=fitted)
        config, more = fitted_to_memory(config, material, sharing(devices))
        for note in notes + lines + more:
            warnings.warn(note, stacklevel=2)
    start = start_training(config, material.size, seed)
    # Where memory counts, as few images are looked at together as are learned from, all cores together.
    together = LOOKED_AT_TOGETHER
    if memory_for_training(config, material.size) is not None:
        together = max(1, min(together, config.train.batch_size // cores()))
    chosen = Devices.chosen(devices, config.train.batch_size)
    header = Header(config, material.size, seed, reading, augment, files).to_dict()
    with losing_none():
        check_same(json.dumps([header, len(material), chosen.number]), material.images)
    state = start.state
    if not is_first():
        folder = run = None
    if folder is None and run is not None:  # not before every setting has been found right
        folder = RunFolder.create(run, header)

    def evaluate(state: TrainState) -> dict[str, float]:
        assert validation is not None
        counts = start.model(state).hurried().infer(validation.images, batch_size=together).counts  # it is done often
        return {"count_accuracy": float(np.mean(counts == validation.counts))}

    def finish(state: TrainState) -> TrainState:
        refitted = start.model(state).with_refitted_count(material.some(REFIT_IMAGES), batch_size=together)
        return eqx.tree_at(lambda s: s.params[0].p.count, state, refitted.p.count)

    with (
        losing_none(),
        nullcontext() if folder is None else folder.locked(),
        material.advance(start.loss, start.optimiser, config.train.batch_size, seed, chosen) as advance,
    ):
        if folder is not None and resume:
            if folder.checkpoints.steps():
                state = folder.checkpoints.restore_latest(state)
            folder.write_config(header)
        state = train(
            chosen.of_first(state),
            advance,
            steps=config.train.steps,
            every=min(LOG_EVERY, config.train.steps),
            run=folder,
            evaluate=evaluate if validation is not None and validation.counts is not None and is_first() else None,
            finish=finish,
            evaluate_every=EVALUATE_EVERY,
            checkpoint_every=CHECKPOINT_EVERY,
            progress=progress and is_first(),
            devices=chosen,
        )
    return start.model(state)


def _material(images: Any, resumed: "Header | None") -> tuple[Material, Reading | None, list[str]]:
    """What to learn from, how it was read from files, and what was done to its pixels, as `fit` takes images."""
    notes: list[str] = []
    given = images
    if isinstance(images, str | os.PathLike):
        source, stored = os.fspath(images), resumed and resumed.stream
        if stored is not None and resumed is not None:
            images = open_shuffled(source, rules=resumed.reading and resumed.reading.rules, **vars(stored)) or images
        elif resumed is None and (stream := open_shuffled(source)) is not None and (line := too_large(stream)):
            images, notes = stream, [line]
    if isinstance(images, ShuffledImages):
        reading = images.sample.reading
        if reading is not None and given is not images:  # else whoever has opened them can say so
            notes += reading.notes()
        return Material.of(images), reading, notes
    found = taken(images)
    reading = _reading(found.data or images, found.images)
    return Material.of(found.images), reading, [*found.notes]


def _told_stream(augment: Augment | None) -> str:
    """Where images come from, in words."""
    if augment is None:
        return "in memory"
    crop = "none" if augment.random_crop is None else "{} {}".format(*augment.random_crop)
    return f"in a stream (random_crop {crop}, flip {augment.flip or 'none'})"


def fitted_to_memory(config: Config, material: Material, shares: int = 1) -> tuple[Config, list[str]]:
    """The configuration with a batch for which there is enough memory, and a line that says so if it is changed.

    Args:
        config: of a training.
        material: its images.
        shares: how many devices, each with a memory of its own, share a batch.

    Raises:
        TooLargeError: there is not enough even for the smallest batch.
    """
    size = height, width, channels = material.size
    most = memory_for_training(config, size)
    if most is None:
        return config, []
    most -= material.held_bytes
    batch = whole = config.train.batch_size
    needed = training_bytes(config, size, -(-batch // shares))
    while needed > most and batch > LEAST_BATCH:
        batch = max(batch // 2, LEAST_BATCH)
        needed = training_bytes(config, size, -(-batch // shares))
    if needed > most:
        raise TooLargeError(
            f"memory: training on {len(material):,} images of {height}x{width}x{channels} needs some "
            f"{as_text(needed)} for a batch of {batch}, and {as_text(max(most, 0))} may be used; smaller images, such "
            "as tiles of these, or a lower max_objects need less"
        )
    if batch == whole:
        return config, []
    note = f"batch_size is {batch}, since one of {whole} needs more than the {as_text(most)} that may be used"
    return dataclasses.replace(config, train=dataclasses.replace(config.train, batch_size=batch)), [note]


def memory_for_training(config: Config, size: tuple[int, int, int]) -> int | None:
    """Bytes that a training on images of `size` may use; None if it is so small that it need not be asked."""
    there = available()
    images = max(config.train.batch_size * getattr(config.train.estimator, "samples", 1), LOOKED_AT_TOGETHER)
    numbers = images * math.prod(size) * (config.model.max_objects + 1)
    return None if there is None or 4 * NUMBERS * numbers < SMALL * there else int(HEADROOM * there)


def training_bytes(config: Config, size: tuple[int, int, int], batch: int) -> int:
    """About how many bytes a training step takes, parameters and optimiser included; nothing is compiled for it."""
    parameters, static, key = _shapes(config, size)
    estimator = estimators.make(config.train.estimator)
    images = jax.ShapeDtypeStruct((batch, *size), jnp.uint8)
    gradient = jax.value_and_grad(make_loss(estimator, static, config), has_aux=True)
    step = peak_bytes(gradient, parameters, images, key, jnp.zeros((), jnp.int32))
    stored = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(parameters))
    # Five times: themselves, Adam's two moments of them, and what a step makes of the moments.
    return int(COMPILED * step) + 5 * stored


def _shapes(config: Config, size: tuple[int, int, int]) -> tuple[PyTree, PyTree, Any]:
    """The shapes of the parameters and of the key that `_made` makes, and what is no parameter."""
    made, key = eqx.filter_eval_shape(_made, config, size, 0)
    return *eqx.partition(made, _is_parameter), key


def _is_parameter(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jnp.inexact)


def load(path: str | os.PathLike[str]) -> Model:
    """The model in a file written by `Model.save`, or the newest one in a run folder.

    Raises:
        AttendError: there is none, or it is damaged.
    """
    if not os.path.isdir(path):
        return Model.load(path)
    folder, stored = RunFolder(path), Header.read(path)
    start = stored_training(stored.config, stored.size)
    return start.model(folder.checkpoints.restore_latest(start.state))


def reading_of(path: str | os.PathLike[str]) -> Reading | None:
    """How the images of a run folder were read from files; None if they were not, or if `path` is a saved model.

    Raises:
        AttendError: the run folder is none, or damaged.
    """
    return Header.read(path).reading if os.path.isdir(path) else None


@dataclass(frozen=True)
class Header:
    """What a run folder says of its run."""

    config: Config
    size: tuple[int, int, int]
    seed: int
    reading: Reading | None = None
    """How its images were read, if they were read from files."""
    stream: Augment | None = None
    """What was done at random to its images, if they were streamed."""
    files: int | None = None
    """How many files were streamed: their order depends on it."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        header = {"config": dataclasses.asdict(self.config), "size": list(self.size), "seed": self.seed}
        header |= {} if self.files is None else {"files": self.files}
        kept = {"reading": self.reading, "stream": self.stream}
        return header | {name: value.to_dict() for name, value in kept.items() if value is not None}

    @classmethod
    def read(cls, run: str | os.PathLike[str]) -> "Header":
        """The header of a run; AttendError when there is none, or it is damaged."""
        stored = RunFolder(run).config()
        try:
            height, width, channels = (int(side) for side in stored["size"])
            reading = Reading.from_dict(stored["reading"]) if "reading" in stored else None
            stream = Augment.from_dict(stored["stream"]) if "stream" in stored else None
            config, seed = Config.from_dict(stored["config"]), int(stored["seed"])
            return cls(config, (height, width, channels), seed, reading, stream, stored.get("files"))
        except (KeyError, TypeError, ValueError, AttendError) as error:
            reason = error if isinstance(error, AttendError) else repr(error)
            raise AttendError(f"{run}: its config.json is damaged ({reason})") from error

    def check_continues(self, run: str | os.PathLike[str], config: Config, seed: int | None = None) -> None:
        """Raise AttendError unless the training in `run` can go on so: nothing but more steps may be new."""
        if seed not in (None, self.seed):
            raise AttendError(f"seed: is {self.seed} in {run} and cannot be {seed}; only steps can change on resuming")
        if prices := two_prices(RunFolder(run).config()["config"]):
            raise AttendError(
                f"{run}: an object cost {prices[0]} nats in its training and costs {prices[1]} in counting, which are "
                "now one setting, model.count_price; it can be used but not trained on"
            )
        for section in dataclasses.fields(config):
            asked, was = (flattened(getattr(c, section.name)) for c in (config, self.config))
            for name in asked:
                if name != "steps" and asked[name] != was[name]:
                    raise AttendError(
                        f"{section.name}.{name}: is {was[name]} in {run} and cannot be {asked[name]}; "
                        "only steps can change on resuming"
                    )
        done = RunFolder(run).checkpoints.steps()
        if done and config.train.steps < done[-1]:
            raise AttendError(f"steps: is {config.train.steps}, but {run} is at step {done[-1]}; it must not be less")


def _reading(images: Any, pixels: np.ndarray) -> Reading | None:
    """How images to infer from are to be read: as these were, or at least not inverted if these are light as they are.

    None leaves it open: a model of images on dark ground is shown others on dark ground. Of arrays on light ground a
    warning says so.
    """
    if isinstance(images, SceneData) and images.reading is not None:
        return images.reading
    said = dark_objects(pixels)
    if said and not isinstance(images, SceneData):
        warnings.warn(said, stacklevel=4)
    return Reading(Rules(ground="dark")) if said else None


def _config(config: Config | str | None) -> Config:
    return config if isinstance(config, Config) else preset(config or "default")


@dataclass(frozen=True)
class Start:
    """A training at step 0: its state, and what turns a state back into a model."""

    state: TrainState
    static: PyTree
    loss: Callable[..., Any]
    optimiser: optax.GradientTransformation

    def model(self, state: TrainState) -> Model:
        """The model as it is trained in a state."""
        model, _ = eqx.combine(state.params, self.static)
        return Model(model.p, _as_of(state.step, model), model.config)


def start_training(config: Config, size: tuple[int, int, int], seed: int) -> Start:
    """A training at step 0, on images of `size` (height, width, channels)."""
    made, key = _made(config, size, seed)
    parameters, static = eqx.partition(made, eqx.is_inexact_array)
    optimiser = make_optimiser(config.train)
    return _start(config, TrainState.create(parameters, optimiser, key), static, optimiser)


def stored_training(config: Config, size: tuple[int, int, int]) -> Start:
    """A training as of `start_training`, but for its numbers, which are 0: its state is to be read from a checkpoint.

    Nothing is compiled for it, which would take most of the time of a command that looks at few images.
    """
    parameters, static, key = _shapes(config, size)
    optimiser = make_optimiser(config.train)
    shapes = eqx.filter_eval_shape(TrainState.create, parameters, optimiser, key)
    state = jax.tree.map(lambda leaf: jax.random.key(0) if is_key(leaf) else np.zeros(leaf.shape, leaf.dtype), shapes)
    return _start(config, state, static, optimiser)


def _made(config: Config, size: tuple[int, int, int], seed: int) -> tuple[PyTree, Key[Array, ""]]:
    """A fresh model, with the estimator's own parameters, and the key of its training."""
    model_key, own_key, state_key = jax.random.split(jax.random.key(seed), 3)
    own = estimators.make(config.train.estimator).init(size, config.model.max_objects, own_key)
    return (Model.create(config.model, size, model_key), own), state_key


def _start(config: Config, state: TrainState, static: PyTree, optimiser: optax.GradientTransformation) -> Start:
    return Start(state, static, make_loss(estimators.make(config.train.estimator), static, config), optimiser)


def make_loss(estimator: Estimator, static: PyTree, config: Config):
    """The loss of a batch at a step, as a function of the trainable parameters."""
    t = config.train

    def loss(parameters, images, key, step):
        model, own = eqx.combine(parameters, static)
        # The priors over where and what are given, not learned, and p(n) is refitted at the end.
        p = eqx.tree_at(lambda p: (p.where, p.what), model.p, replace_fn=jax.lax.stop_gradient)
        log_odds = annealed_log_odds(step, t.count_log_odds_start, -config.model.count_price, t.count_anneal_steps)
        log_p_count = geometric(log_odds, p.max_objects)
        return estimator.loss(own, p, _as_of(step, model), to_unit(images), log_p_count, key)

    return loss


def _as_of(step: Array, model: Model) -> Cell:
    """q as it is trained at a step: with the corrections of the background that have come in by then."""
    learned = model.config.background
    if not isinstance(model.q, WithBackdrop) or not isinstance(learned, LearnedSettings):
        return model.q
    return model.q.corrected(risen(step, learned.corrections_from, learned.corrections_anneal_steps))
