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
    n: Annotated[int, arg(help="Number of images to generate.")] = 25,
    seed: Annotated[int, arg(help="Seed of the images.")] = 0,
) -> None:
    """Generate new images with a model and save them as a picture.

    The model draws the number of objects, their places and their appearance from
    its priors. The prior of the number of objects is fitted to the training images.
    The picture is a grid of generated images without pixel noise; the title of each
    is its number of objects.

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
