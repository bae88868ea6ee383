"""`attend find`."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from attend.cli.arguments import FileOptions, Files, Images, check_pixel_size, tell

if TYPE_CHECKING:
    from attend.finding import Learned


def find(
    images: Images,
    *,
    out: Annotated[Path, arg(metavar="OUT", help="The folder to write: a new or empty one, or with --resume its own.")],
    foreground: Annotated[
        str | None,
        arg(
            metavar="STR",
            help="What tells objects from the background: bright, dark, stain (haematoxylin), saturation, 'not red' or "
            "'not blue'.",
            help_behavior_hint="(default: told from the images)",
        ),
    ] = None,
    diameter: Annotated[
        float | None,
        arg(
            metavar="PIXELS",
            help="The diameter of the usual object, in pixels.",
            help_behavior_hint="(default: told from the images)",
        ),
    ] = None,
    rounds: Annotated[int, arg(help="Rounds of learning from these images; 0 is fastest.")] = 2,
    turns: Annotated[
        int,
        arg(
            help="How often each image is looked at, turned and mirrored, 1 to 8: 1 is fastest, 8 sees best. Large "
            "images are looked at fewer times."
        ),
    ] = 8,
    seed: Annotated[int, arg(help="Of all noise. The same seed gives the same result bit for bit.")] = 0,
    pixel_size: Annotated[
        float | None,
        arg(
            metavar="UM",
            help="Side of a pixel in micrometres, for the tables.",
            help_behavior_hint="(default: as the files say, where all do)",
        ),
    ] = None,
    resume: Annotated[bool, arg(help="Go on with the same command, which was stopped before its end.")] = False,
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Find, count and outline the objects in images of repeated things.

    IMAGES is one picture or a folder of pictures of one kind, of any sizes, such as
    micrographs of cells, particles or colonies. No label and no setting is needed:
    the colour or brightness that tells objects from the background and the size of
    the usual object are told from the images and printed. Then the program learns
    from scenes that it composes of the images' own parts, looks at every image, and
    writes the folder OUT:

    counts.csv     a row an image: the count, its 90 % interval, the density, and
                   how many objects are listed; those that others hide are not
    objects.csv    a row an object: its place, size, shape and brightness
    objects.json   boxes and masks in COCO's format
    labels/        a TIFF an image in which each object has its own number, to open
                   in Fiji, napari, CellProfiler or QuPath
    overlays/      a picture of each image with what was found
    finder.npz     what was learned: attend infer OUT MORE_IMAGES --out found.json
                   finds objects in more images of the kind without learning again
    dreams.png     parts of the images, and the scenes composed of them to learn
    survey.json    what was told from the images

    Where nothing is found that looks like repeated objects, it says so.

    Examples:
        attend find micrographs --out found
        attend find plate.jpg --out colonies --diameter 12
        attend find slides --out nuclei --foreground stain
    """
    from attend.looking.finding import find_into

    check_pixel_size(pixel_size)
    with _progress() as watch:
        finder, totals = find_into(
            str(images),
            out,
            foreground=foreground,
            diameter=diameter,
            rounds=rounds,
            turns=turns,
            seed=seed,
            pixel_size=pixel_size,
            resume=resume,
            tell=lambda source, note: tell(source, [note]),
            told=_say,
            watch=watch,
            **files.given(),
        )
    skipped = f"; {totals.skipped:,} unreadable skipped" if totals.skipped else ""
    hidden = totals.objects - totals.listed
    beside = f", {hidden:,} of them hidden by others and only counted" if hidden else ""
    print(f"{out}: {totals.objects:,} objects in {totals.images:,} images{beside}{skipped}")
    if finder.empty:
        print("The images seem to show no repeated objects. If they do, give --diameter and --foreground.")


def _say(learned: "Learned") -> None:
    """Print what kind of images they are taken for."""
    best, kind = learned.evidence[0], learned.finder.kind
    if learned.finder.empty:
        print(f"foreground {kind.foreground}")
    else:
        others = [one for one in learned.evidence[1:] if one.credible and one.kind.foreground != kind.foreground]
        second = f"; next best: {others[0].kind.foreground}, {others[0].gain:.3f}" if others else ""
        print(f"foreground {kind.foreground} (evidence {best.gain:.3f} nats per pixel{second})")
        print(f"diameter {best.diameter:.1f} pixels, of the usual object found; looked at as if of {kind.diameter:.1f}")
    for number, one in enumerate(learned.rounds, 1):
        print(f"round {number}: {one.objects:,} objects in the images learned from, {one.cutouts:,} cut out")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """What shows the phase and how far it is, on stderr: a bar in a terminal, else a line for each phase."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, int] = {}

        def watch(phase: str, done: int, of: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=of)
                if not console.is_terminal:
                    console.print(f"{phase} ...", highlight=False)
            bar.update(tasks[phase], completed=done, total=of)  # pyright: ignore[reportArgumentType]

        yield watch
