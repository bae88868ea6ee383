"""`attend data`."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from attend.cli.arguments import (
    SOURCES,
    Compose,
    ComposeOptions,
    SceneSeed,
    TrainingFileOptions,
    TrainingFiles,
    read,
)
from attend.cli.outputs import check_file


def data(
    name: Annotated[Positional[str], arg(metavar="NAME", help=SOURCES)],
    *,
    out: Annotated[Path, arg(metavar="SCENES.npz", help="The scenes file to write.")],
    split: Annotated[
        Literal["train", "valid", "test"], arg(help="Which part of the data set; no digit occurs in two parts.")
    ] = "train",
    n: Annotated[
        int | None,
        arg(
            metavar="INT",
            help="Number of images; of a path, the first n.",
            help_behavior_hint="(default: 60000, 1000 or 10000, by split; all of a path or of omniglot)",
        ),
    ] = None,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: TrainingFileOptions = TrainingFiles(),  # noqa: B008, it is frozen
) -> None:
    """Write a scenes file: images and, if it is known, their true content.

    The images are those of a data set, or are read from files. A scenes file is an
    .npz file with `images`, uint8 (n, height, width) or (n, height, width, 3), and,
    if they are known, `counts` (n,), `boxes` (n, N, 4) as x0, y0, width, height in
    pixels with zeros in unused rows, and `labels` (n, N) with -1 in unused rows.
    Every command that takes data takes such a file. The images are stored as they
    are; if their background is light, the commands that read the file invert them.

    Examples:
        attend data digits --out scenes.npz --n 1000
        attend data mnist --download --split test --out mnist_test.npz
        attend data digits --out crowded.npz --counts 3 4 5 --canvas 80
    """
    from attend.data import Rules

    check_file(out, [".npz"])
    scenes = read(name, split, n, seed, compose, files, Rules(ground="dark"))
    scenes.save(out)
    height, width, channels = scenes.image_shape
    print(f"{out}: {len(scenes):,} scenes of {height}x{width}x{channels}")
