"""`attend sample`."""

from typing import Annotated

from tyro.conf import arg

from attend.cli.arguments import Figure, Run
from attend.cli.outputs import FIGURES, check_file
from attend.errors import AttendError


def sample(
    run: Run,
    *,
    out: Figure,
    n: Annotated[int, arg(help="How many scenes to draw.")] = 25,
    seed: Annotated[int, arg(help="Draws the scenes.")] = 0,
) -> None:
    """Draw new scenes from a model and save them as a picture.

    The model invents scenes: how many objects, where, and what they look like.
    Their numbers of objects follow those of the training images. The picture is a
    grid of scenes, each titled with its number of objects, without pixel noise.

    Example:
        attend sample runs/digits --out samples.png --n 36
    """
    import attend
    from attend.figures import samples_figure, save_figure

    check_file(out, FIGURES)
    if n < 1:
        raise AttendError(f"n: is {n}; it must be 1 or more")
    images, counts = attend.load(run).sample(n, seed=seed)
    save_figure(samples_figure(images, counts), out)
    print(f"{out}: {n} scenes")
