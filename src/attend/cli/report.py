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
            help="How many scenes of each source; of a path, the first n.",
            help_behavior_hint=f"(default: {NAMED_SCENES}; all of a path)",
        ),
    ] = None,
    seed: Annotated[int, arg(help="Draws composed scenes, and the model's own.")] = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Write one page on what a model has learned, to send to a colleague.

    One HTML file with everything in it, which needs no network and no script, to
    read on any screen or to print: the curves of the training, scenes that the
    model invents, and all settings. Each SOURCE adds what is found in it: its
    images with boxes and their reconstructions, the numbers of objects, and the
    objects themselves; where the truth is known, also the measurements of attend
    evaluate, which counts are mistaken for which, how far the model's sureness can
    be trusted, and the worst mistakes. Data sets by name give scenes of their test
    split.

    Examples:
        attend report runs/digits digits --out report.html
        attend report runs/mine folder_of_images labelled.npz --out report.html
        attend report runs/mine --out report.html
    """
    import numpy as np

    import attend
    from attend.fitting import Header
    from attend.report import write_report
    from attend.training import RunFolder

    check_file(out, (".html",))
    if n is not None and n < 1:
        raise AttendError(f"n: is {n}; it must be 1 or more")
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
