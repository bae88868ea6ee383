"""`attend show`."""

from typing import Annotated

from tyro.conf import arg

from attend.cli.arguments import (
    Compose,
    ComposeOptions,
    Figure,
    FileOptions,
    Files,
    Images,
    Run,
    SceneSeed,
    is_named,
    read_for,
)
from attend.cli.outputs import FIGURES, check_file
from attend.errors import AttendError

LOOKED_AT = 200
"""Images among which those to draw are chosen."""


def show(
    run: Run,
    images: Images,
    *,
    out: Figure,
    n: Annotated[int, arg(help="How many images to draw, chosen among the first ones.")] = 8,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Draw the objects that a model finds in images.

    A row for each image: the image with a box around each object, coloured in the
    order in which they were found; its reconstruction; how sure the model is of
    the count, q(n|x); and what it paints for each object alone. Data sets by
    name give scenes of their test split. If there are more images than are drawn,
    those with objects come first, with as many different counts as there are among
    the first few hundred images, and one without any object comes last.

    Examples:
        attend show runs/digits digits --out scenes.png
        attend show runs/digits folder_of_images --out scenes.pdf --n 20
    """
    import attend
    from attend.figures import save_figure, scenes_figure, varied_rows

    check_file(out, FIGURES)
    if n < 1:
        raise AttendError(f"n: is {n}; it must be 1 or more")
    model = attend.load(run)
    first = max(n, LOOKED_AT)
    data = read_for(run, model, images, first if is_named(images) else None, seed, compose, files)[:first]
    scenes = model.infer(data.images, names=data.names)
    scenes = scenes[varied_rows(scenes.counts, n)]
    save_figure(scenes_figure(scenes, limit=n), out)
    print(f"{out}: {len(scenes)} images, counts {', '.join(map(str, scenes.counts))}")
