"""`attend report`."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from attend.cli.arguments import (
    SOURCES,
    Compose,
    ComposeOptions,
    FileOptions,
    Files,
    Run,
    is_named,
    read_for,
)
from attend.cli.evaluate import ROWS, compared
from attend.cli.outputs import check_file
from attend.errors import AttendError
from attend.settings import flattened

if TYPE_CHECKING:
    from attend.model import Model
    from attend.report import Findings

NAMED_SCENES = 2000
"""Scenes that are composed of a data set by name, unless a number is asked for."""

SAMPLED = 12
"""Scenes drawn from the model."""


def report(
    run: Run,
    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="[SOURCE ...]", help=SOURCES)] = (),
    *,
    out: Annotated[Path, arg(metavar="PAGE.html", help="The page to write.")],
    n: Annotated[
        int | None,
        arg(
            metavar="INT",
            help="Number of images of each source; of a path, the first n.",
            help_behavior_hint=f"(default: {NAMED_SCENES}; all of a path)",
        ),
    ] = None,
    seed: Annotated[int, arg(help="Seed of composed and of generated images.")] = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Write a page about what a model has learned, to send to a colleague.

    The page is one HTML file that contains everything and needs neither a network
    connection nor scripts: the training curves, images that the model generates,
    and all settings. Each SOURCE adds the objects found in it: its images with
    bounding boxes and reconstructions, the counts, and the objects themselves. If
    the ground truth is known, the page also has the measurements of attend
    evaluate, the confusion matrix of the counts, the calibration of their
    probabilities, and the worst errors. A data set given by its name provides its
    test images.

    If RUN is the folder of an attend find, the page shows what was found there: the
    images with outlines, the counts that are least certain, the sizes of the
    objects, and what was learned from. It takes no SOURCE then.

    Examples:
        attend report found --out found.html
        attend report runs/digits digits --out report.html
        attend report runs/mine folder_of_images labelled.npz --out report.html
        attend report runs/mine --out report.html
    """
    import numpy as np

    import attend
    from attend.fitting import Header
    from attend.looking import finder_file, read_found
    from attend.report import write_found_report, write_report
    from attend.training import RunFolder

    check_file(out, (".html",))
    if n is not None and n < 1:
        raise AttendError(f"n: is {n}; it must be 1 or more")
    if finder_file(run) is not None:
        if sources:
            raise AttendError(f"sources: {run} is a folder of attend find, which shows what was found there; name none")
        found = read_found(run)
        write_found_report(out, title=f"What was found in {found.survey['asked']['images']}", **vars(found))
        print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
        return
    model = attend.load(run)
    settings: dict[str, dict[str, Any]] = {"model": flattened(model.config)}
    metrics, inverted = [], False
    if run.is_dir():
        header = Header.read(run)
        settings |= {"train": flattened(header.config.train) | {"seed": header.seed}}
        rules = dataclasses.asdict(header.reading.rules) if header.reading else {}
        settings |= {"images": {name: value for name, value in rules.items() if value is not None}} if rules else {}
        inverted = header.reading is not None and header.reading.rules.ground == "light"
        metrics = RunFolder(run).metrics()
    images, counts = model.sample(SAMPLED, seed=seed)
    height, width, channels = model.size
    trained = f", trained for {metrics[-1]['step']:,} steps" if metrics else ""
    write_report(
        out,
        title=f"What {run.absolute().name} has learned",
        summary=f"A model of {'grey' if channels == 1 else 'colour'} images of {width}x{height} pixels with up to "
        f"{model.config.max_objects} objects{trained} without a label.",
        settings=settings,
        metrics=metrics,
        samples=(1 - images if inverted else images, counts),
        count_prior=np.exp(model.p.count),
        findings=[_findings(run, model, source, n, seed, compose, files) for source in sources],
    )
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def _findings(
    run: Path, model: "Model", source: str, n: int | None, seed: int, compose: Compose, files: Files
) -> "Findings":
    """What the model finds in a source."""
    from attend.looking import results
    from attend.report import Findings

    named = NAMED_SCENES if is_named(source) else None
    data = read_for(run, model, source, n or named, seed, compose, files)
    scenes = model.infer(data.images, names=data.names)
    measured = compared(model, scenes, data, seed=seed)
    numbers = {name: form.format(measured[key]) for key, (name, form) in ROWS.items() if measured[key] is not None}
    return Findings(source, results(scenes, data), numbers, data.counts, data.boxes)
