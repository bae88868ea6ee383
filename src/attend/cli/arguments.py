"""Arguments that several commands share, and the reading of the data that they name."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.conf import Positional, arg

from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.data import Rules, SceneData
    from attend.model import Model

Run = Annotated[
    Positional[Path],
    arg(metavar="RUN", help="A run folder made by attend train, or a model saved by model.save (.npz)."),
]

SOURCES = (
    "digits, sprites, objects-3d or tabletop (offline); mnist or omniglot (cached, or with --download); mnist:PATH (an "
    ".npz of images and labels, or a folder of MNIST's IDX files); omniglot:PATH (a folder of its zips); or a path: a "
    "scenes file (.npz), an image, a folder of images at any depth, a quoted pattern of paths ('scans/*.tif'), a list "
    "of paths (.txt), an archive (.zip, .tar), Parquet files, or a Hugging Face data set saved on disk."
)
Data = Annotated[Positional[str], arg(metavar="DATA", help=SOURCES)]
Images = Annotated[Positional[str], arg(metavar="IMAGES", help=SOURCES)]

Figure = Annotated[Path, arg(metavar="FIGURE.png", help="The picture to write: .png, .pdf, .svg, .jpg or .webp.")]

TestScenes = Annotated[
    int | None,
    arg(
        metavar="INT",
        help="Number of images; of a path, the first n.",
        help_behavior_hint="(default: 10000; all of a path or of omniglot)",
    ),
]

SceneSeed = Annotated[int, arg(help="Seed of the images that are composed from digits.")]


class Options:
    """Options of which a command passes on those that were given."""

    def given(self) -> dict[str, Any]:
        """Those that were given, by name."""
        return {name: value for name, value in vars(self).items() if value not in (None, False)}


@dataclass(frozen=True)
class Compose(Options):
    """How the scenes of a data set are composed. A path takes none of these."""

    counts: Annotated[
        tuple[int, ...] | None,
        arg(metavar="INT [INT ...]", help_behavior_hint="(default: 0 1 2 for digits and mnist, 0 1 2 3 for sprites)"),
    ] = None
    """The possible numbers of objects in an image, all equally likely."""
    canvas: Annotated[int | None, arg(metavar="INT", help_behavior_hint="(default: 50)")] = None
    """Width and height of an image in pixels."""
    size: Annotated[
        tuple[int, int] | None,
        arg(metavar="LO HI", help_behavior_hint="(default: 20 23 for digits and mnist, 14 22 for sprites)"),
    ] = None
    """Smallest and largest width of an object in pixels; for digits with their margin."""
    photographs: bool = False
    """Colour the digits and place them on pieces of photographs."""
    max_overlap: Annotated[float | None, arg(metavar="PART", help_behavior_hint="(default: 0.1, for sprites)")] = None
    """The largest proportion of its area, 0 to 1, that an object may share with all others together."""
    download: bool = False
    """Download the files of mnist or omniglot, and verify their checksums, if they are not in the cache."""


ComposeOptions = tyro.conf.OmitArgPrefixes[Compose]


_Size = Annotated[tuple[int, int] | None, arg(metavar="H W", help_behavior_hint="(default: all have one size)")]


@dataclass(frozen=True)
class Files(Options):
    """How images are read from files. A data set by name takes none of these, a scenes file only --ground."""

    resize: _Size = None
    """Resample every image to this height and width in pixels."""
    crop: _Size = None
    """Cut this height and width out of the centre of every image; smaller images are refused."""
    range: Annotated[
        tuple[float, float] | None,
        arg(metavar="LO HI", help_behavior_hint="(default: 0.1th and 99.9th percentile of all)"),
    ] = None
    """Values that become black and white in 16-bit and floating-point images."""
    ground: Annotated[str | None, arg(metavar="dark|light", help_behavior_hint="(default: told from the pixels)")] = (
        None
    )
    """Whether the background is darker or lighter than the objects. On a light background images are inverted."""
    channel: Annotated[
        str | None, arg(metavar="NUMBER|NAME", help_behavior_hint="(default: the first; colours stay colours)")
    ] = None
    """The channel to read from files of several, by its number from 0 or its name in the file. Of a picture in colours
    also red, green or blue."""
    project: Annotated[str | None, arg(metavar="max|mean|none", help_behavior_hint="(default: max)")] = None
    """What becomes of a stack of planes along z: their maximum, their mean, or an image of each."""
    strict: bool = False
    """Stop at the first file that cannot be read, rather than skip it."""


@dataclass(frozen=True)
class TrainingFiles(Files):
    """How images are read from files. A data set by name takes none of these, a scenes file only --ground."""

    tile: _Size = None
    """Cut every image into tiles of this height and width, without overlap; the remaining border is not used."""


@dataclass(frozen=True)
class Streaming(Options):
    """How images are read while the training goes on. Only images in files can be."""

    stream: bool = False
    """Read images during the training, rather than all of them before. This is done anyway if memory is too small."""
    random_crop: Annotated[
        tuple[int, int] | None, arg(metavar="H W", help_behavior_hint="(default: none; implies --stream)")
    ] = None
    """Cut this height and width out of every image at a random place, another one in each epoch."""
    flip: Annotated[
        str | None, arg(metavar="horizontal|vertical|both", help_behavior_hint="(default: none; implies --stream)")
    ] = None
    """Mirror every image at random, anew in each epoch."""


StreamingOptions = tyro.conf.OmitArgPrefixes[Streaming]
FileOptions = tyro.conf.OmitArgPrefixes[Files]
TrainingFileOptions = tyro.conf.OmitArgPrefixes[TrainingFiles]


def is_named(source: str) -> bool:
    """Whether `source` names a data set, rather than a path."""
    from attend.data import datasets

    return source.partition(":")[0] in datasets


def read(
    source: str,
    split: str,
    n: int | None,
    seed: int,
    compose: Compose,
    files: Files,
    rules: "Rules | None" = None,
) -> "SceneData":
    """The scenes of a split of a data set, or all scenes of a path, which has no splits.

    Of files, `rules` say how to read them but for what `files` says. What was done to their pixels is told on stderr.
    """
    from attend.data import load

    data = load(source, split=split, n=n, seed=seed, rules=rules, **compose.given(), **files.given())
    tell(source, data.reading.notes() if data.reading else ())
    return data


def tell(source: str, notes: Iterable[str]) -> None:
    """Say on stderr what was done to images."""
    for note in notes:
        print(f"attend: {source}: {note}", file=sys.stderr)


def check_pixel_size(pixel_size: float | None) -> None:
    """Raise AttendError unless it is the side of a pixel in micrometres, or None."""
    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise AttendError(f"pixel_size: is {pixel_size:g}; it must be above 0, in micrometres")


def rules_of(run: Path) -> "Rules | None":
    """How images are to be read for the model of a run; None leaves it open."""
    from attend.fitting import reading_of

    reading = reading_of(run)
    return reading and reading.rules.for_inference()


def read_for(
    run: Path, model: "Model", source: str, n: int | None, seed: int, compose: Compose, files: Files
) -> "SceneData":
    """Scenes for a model: read as those of its run were, of the test split, and in three channels if it knows colour.

    Raises:
        AttendError: they have another size or number of channels than the model knows, or cannot be read.
    """
    from attend.looking import as_known

    data = read(source, "test", n, seed, compose, files, rules_of(run))
    known = as_known(source, data, model.size)
    before = data.reading.notes() if data.reading else []
    tell(source, [note for note in (known.reading.notes() if known.reading else []) if note not in before])
    return known
