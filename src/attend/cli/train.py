"""`attend train`."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Suppress, arg

from attend.adjust import changed_by, fitted_batch, fitted_schedule
from attend.cli.arguments import (
    Compose,
    ComposeOptions,
    Data,
    Files,
    Streaming,
    StreamingOptions,
    TrainingFileOptions,
    TrainingFiles,
    is_named,
    read,
    tell,
)
from attend.cli.outputs import check_new_run
from attend.cli.parallel import Parallel, ParallelOptions
from attend.config import Config, ModelConfig, TrainConfig
from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.data import Rules, SceneData, ShuffledImages
    from attend.fitting import Header
    from attend.material import Material
    from attend.memory import TooLargeError

VALIDATION_SHARE, VALIDATION_MOST = 20, 1000
"""Of a path whose counts are known, the last 1/20 is held out for validation, but no more than 1,000."""


LEAST_TILE = 32
"""Pixels: images are not cut into smaller tiles to save memory, for those would hold no whole object."""


def train(
    data: Data,
    *,
    out: Annotated[Path, arg(metavar="RUN", help="The run folder: a new or empty one, or with --resume its own.")],
    preset: Annotated[
        str | None,
        arg(
            metavar="STR",
            help="The starting point of all settings below: 'default' (accurate and reliable), 'fast' (a fifth of the "
            "steps, a little less accurate), 'paper' (AIR as published), or 'objects-3d' or 'tabletop' (solids on a "
            "table).",
            help_behavior_hint="(default: the preset with the name of DATA, or default; for a path, default with what "
            "is estimated from its images)",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        arg(
            metavar="INT",
            help="Seed of the initial parameters and of all noise. The same seed gives the same model, bit for bit.",
            help_behavior_hint="(default: 0)",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        arg(metavar="INT", help="Short for --train.steps.", help_behavior_hint="(default: the preset's)"),
    ] = None,
    resume: Annotated[
        bool,
        arg(help="Continue the training in RUN, to the same result as without the interruption."),
    ] = False,
    n: Annotated[
        int | None,
        arg(
            metavar="INT",
            help="Number of images to train on; of a path, the first n.",
            help_behavior_hint="(default: 60000; all of a path or of omniglot)",
        ),
    ] = None,
    data_seed: Annotated[int, arg(help="Seed of the images that are composed from digits.")] = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: TrainingFileOptions = TrainingFiles(),  # noqa: B008, it is frozen
    parallel: ParallelOptions = Parallel(),  # noqa: B008, it is frozen
    streaming: StreamingOptions = Streaming(),  # noqa: B008, it is frozen
    model: ModelConfig,
    train: TrainConfig,
    given: Suppress[tuple[str, ...]] = (),
) -> None:
    """Learn to count, locate and describe objects, without labels.

    DATA names the training images. If the true counts are known, they are not used
    for learning: they only measure the count accuracy on validation images, which
    is printed during the training. The validation images of a data set contain
    other digits than the training images; of a path with known counts, the last
    5 % of the images (at most 1,000) are used for validation.

    If image files have several sizes, --resize, --crop or --tile gives them one
    size. If the objects are darker than the background, this is detected from the
    pixels, the images are inverted, and stderr says how certain this is. Of files
    with several channels, --channel chooses one; --project combines stacks along z.
    RUN stores how the images were read, and the other commands read their images in
    the same way.

    If memory is too small for all images, or with --stream, they are read from
    their files while the training goes on, every file once in each epoch.

    A batch has at most as many images as there are. If memory is short, batches are
    made smaller first, and then images are cut into tiles; a line says so. A
    training with few --steps has a shorter warm-up.

    The kind of background, the size of the objects and their largest number are
    estimated from the images of a path, and printed, unless --preset or the setting
    itself is given.

    RUN becomes a folder with `config.json` (every setting), `metrics.jsonl` and
    `tensorboard/` (the training curves), and `checkpoints/` (the newest three).
    Ctrl-C saves and stops; the same command with --resume continues. To train a
    finished run for longer, use --resume with more --steps; nothing else may
    change.

    All accelerators of this machine share each batch, or as many as --devices says.
    With --coordinator, processes on several machines train together; if one is lost
    the others end, and --resume continues on any number of devices and processes.

    The renderer, the background, the likelihood, the cell and the estimator have
    settings of their own. --help lists the settings of those that are chosen on the
    same line, for example attend train --model.renderer flat --help.

    Examples:
        attend train digits --out runs/digits
        attend train scenes.npz --out runs/mine --steps 20000 --model.max-objects 5
        attend train folder_of_scans --tile 64 64 --out runs/cells
        attend train shards --stream --flip both --out runs/many
        attend train scans.npz --out runs/a --model.cell lstm --model.cell.widths 64
        attend train mnist --download --out runs/paper --preset paper --seed 1
        attend train digits --out runs/digits --resume
        attend train digits --out runs/digits --resume --devices 4
    """
    import attend
    from attend.data import SceneData
    from attend.fitting import Header
    from attend.material import Material
    from attend.memory import TooLargeError
    from attend.training import RunFolder

    first = parallel.join()
    train = train if steps is None else dataclasses.replace(train, steps=steps)
    if not resume and (steps is not None or "steps" in given):
        changed, notes = fitted_schedule(model, train, train.steps, given)
        model, train = changed_by(model, train, changed)
        tell(data, notes)
    config = Config(model, train)
    stored = None
    if resume:
        stored = Header.read(out)
        with RunFolder(out).locked() if first else nullcontext():  # refused before the scenes are composed
            stored.check_continues(out, config, seed)
    elif first:
        check_new_run(out)
    surveyed = not (resume or preset or is_named(data))
    images, validation = _streamed(data, n, files, streaming, out, stored), None
    if images is None:
        rules = stored and stored.reading and stored.reading.rules
        images, validation = _training_data(data, n, data_seed, compose, files, rules)
    asked, material = config, Material.of(images)
    if surveyed:
        config = _told(data, config, material, given)
    most = images.counts.max() if isinstance(images, SceneData) and images.counts is not None else 0
    if most > config.model.max_objects:
        found = f"model.max_objects: is {config.model.max_objects}, but {data} has {most} objects"
        raise AttendError(f"{found} in one image")
    if not resume:
        try:
            config = _fitted(data, config, material, parallel)
        except TooLargeError as error:
            files = _tiled(data, config, images, files, parallel, error)
            images, validation = _training_data(data, n, data_seed, compose, files, None)
            material = Material.of(images)
            config = _fitted(data, _told(data, asked, material, given) if surveyed else config, material, parallel)
    try:
        devices = parallel.devices
        attend.fit(images, config=config, seed=seed, run=out, resume=resume, validation=validation, devices=devices)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(
            f"{str(error) or 'interrupted'}; to go on: attend train {data} --out {out} --resume"
        ) from error
    parallel.leave()
    print(f"trained to step {config.train.steps:,}; saved in {out}")


def _streamed(
    source: str, n: int | None, files: TrainingFiles, streaming: Streaming, out: Path, stored: "Header | None"
) -> "ShuffledImages | None":
    """The images as a stream if that is asked for, or the run was trained so, or memory is too small for all of them.

    Raises:
        AttendError: a stream is asked for of what is in no files, or otherwise than the run was trained.
    """
    from attend.data import open_shuffled
    from attend.material import too_large

    asked = streaming.given()
    wanted = bool(asked)
    asked.pop("stream", None)
    if stored is not None:
        kept = {} if stored.stream is None else stored.stream.to_dict()
        for name, value in asked.items():
            if kept.get(name) != value:
                was, now = (
                    " ".join(map(str, each)) if isinstance(each, tuple) else each for each in (kept.get(name), value)
                )
                raise AttendError(f"{name}: is {was} in {out} and cannot be {now}")
        if wanted and stored.stream is None:
            raise AttendError(f"stream: {out} was trained on images in memory; leave --stream out")
        if stored.stream is None:
            return None
        asked, wanted = kept, True
    if is_named(source):
        images = None
    else:
        rules = stored and stored.reading and stored.reading.rules
        images = open_shuffled(source, n=n if wanted else None, rules=rules, **asked, **files.given())
    if wanted and images is None:
        raise AttendError(f"{source}: is not in image files, and only they can be streamed: leave --stream out")
    if images is None:
        return None
    if not wanted:
        line = too_large(images)
        if line is None:
            return None
        tell(source, [line])
        if n is not None and n < len(images):  # of what is in memory n counts images, of which a file may have several
            images = dataclasses.replace(images, entries=images.entries.part(0, n))
    reading = images.sample.reading
    tell(source, reading.notes() if reading else ())
    return images


def _told(source: str, config: Config, material: "Material", given: tuple[str, ...]) -> Config:
    """The configuration with what the images tell in place of what was not given, which stderr says."""
    from attend.survey import survey

    seen = survey(material.images)
    tell(source, [*seen.warnings, *seen.lines(given)])
    return config.advised(seen.beside(given))


def _fitted(source: str, config: Config, material: "Material", parallel: Parallel) -> Config:
    """The configuration with a batch that suits the images and the memory, which stderr says.

    Raises:
        TooLargeError: there is none.
    """
    from attend.fitting import fitted_to_memory
    from attend.training.devices import sharing

    fitted, notes = fitted_batch(config.train, len(material))
    config = dataclasses.replace(config, train=fitted)
    config, more = fitted_to_memory(config, material, sharing(parallel.devices))
    tell(source, notes + more)
    return config


def _tiled(
    source: str,
    config: Config,
    images: "SceneData | ShuffledImages",
    files: TrainingFiles,
    parallel: Parallel,
    error: "TooLargeError",
) -> TrainingFiles:
    """How to read the images in tiles for which there is enough memory, which stderr says; or else raises `error`."""
    from attend.data import ShuffledImages
    from attend.fitting import fitted_to_memory
    from attend.material import Material
    from attend.memory import TooLargeError
    from attend.training.devices import sharing

    if isinstance(images, ShuffledImages) or images.views is None:
        raise error
    height, width, _ = images.image_shape
    if files.resize or files.crop or files.tile:  # no files, or the user has given a size
        raise error
    side = min(height, width) // 2
    while side >= LEAST_TILE:
        try:
            fitted_to_memory(config, Material(images.images[:, :side, :side]), sharing(parallel.devices))
        except TooLargeError:
            side //= 2
        else:
            note = f"images of {height}x{width} need more memory than there is: training is on tiles of {side}x{side}"
            tell(source, [f"{note} (--tile {side} {side}), and attend infer is to be given --tile"])
            return dataclasses.replace(files, tile=(side, side))
    raise error


def _training_data(
    source: str, n: int | None, seed: int, compose: Compose, files: Files, rules: "Rules | None"
) -> "tuple[SceneData, SceneData | None]":
    """The scenes to train on, and those to validate on where counts are known."""
    scenes = read(source, "train", n, seed, compose, files, rules)
    if is_named(source):
        return scenes, read(source, "valid", None, seed, compose, files)
    held_out = min(len(scenes) // VALIDATION_SHARE, VALIDATION_MOST)
    if scenes.counts is None or not held_out:
        return scenes, None
    return scenes[:-held_out], scenes[-held_out:]
