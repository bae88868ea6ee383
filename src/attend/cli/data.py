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
        Literal["train", "valid", "test"], arg(help="Which part of the digits; no two splits share a digit image.")
    ] = "train",
    n: Annotated[
        int | None,
        arg(
            metavar="INT",
            help="How many scenes; of a path, the first n.",
            help_behavior_hint="(default: 60000, 1000 or 10000, by split; all of a path or of omniglot)",
        ),
    ] = None,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: TrainingFileOptions = TrainingFiles(),  # noqa: B008, it is frozen
) -> None:
    """Write a scenes file: images and, where it is known, what is in them.

    The scenes are those of a data set, or read from images. The file is an .npz
    with `images` uint8 (n, height, width) or (n, height, width, 3) and, where it
    is known, `counts` (n,), `boxes` (n, N, 4) as x0, y0, width, height in pixels
    with unused rows zero, and `labels` (n, N), -1 in unused rows. Every command
    that takes data takes such a file. It has the images as they are, not inverted
    on light ground: the commands that read it see to that.

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
