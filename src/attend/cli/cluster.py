"""`attend cluster`."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from attend.cli.arguments import (
    Compose,
    ComposeOptions,
    FileOptions,
    Files,
    Images,
    Run,
    SceneSeed,
    TestScenes,
    read_for,
)
from attend.cli.outputs import check_folder

SHOWN = 12
"""Objects of each group in the contact sheet, those nearest to its middle."""


def cluster(
    run: Run,
    images: Images,
    *,
    out: Annotated[Path, arg(metavar="FOLDER", help="Where everything goes: a new or empty folder.")],
    k: Annotated[
        int | Literal["auto"],
        arg(metavar="INT|auto", help="Number of groups; auto: the number from 2 to 10 with the best separated groups."),
    ] = "auto",
    by: Annotated[
        str,
        arg(
            metavar="STR",
            help="The feature that is compared. outline: the region that is drawn of an object, independent of its "
            "size, orientation and colour; shape or colour: that part of the code, for a run with the renderer 'flat'.",
            help_behavior_hint="(default: the whole code)",
        ),
    ] = "",
    n: TestScenes = None,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Group the objects in images by their appearance.

    The command finds the objects as attend infer does and groups them by k-means of
    their appearance code `what`, independent of their place. Objects of one kind in
    different orientations have different codes; --by outline ignores the
    orientation and the colour. With --k auto, the number of groups is the one with
    the highest silhouette, a measure of how well the groups are separated; this
    cannot detect that there is only one kind of object.

    FOLDER gets objects.csv (one row per object, with its `cluster`, 0 for the
    largest group) and clusters.png (a contact sheet with a row per group, the most
    typical objects first).

    Examples:
        attend cluster runs/digits digits --n 1000 --out kinds
        attend cluster runs/mine folder_of_images --k 4 --out kinds
        attend cluster runs/sprites sprites --by outline --out shapes
    """
    import attend
    from attend.clusters import cluster as grouped
    from attend.exports import crop, write_csv
    from attend.figures import clusters_figure, save_figure
    from attend.files import atomic_folder
    from attend.looking import results

    check_folder(out)
    model = attend.load(run)
    data = read_for(run, model, images, n, seed, compose, files)
    scenes = model.infer(data.images, names=data.names)
    clusters = grouped(scenes, None if k == "auto" else k, by=by)
    found = dataclasses.replace(results(scenes, data), clusters=clusters.labels)
    pictures = [
        [pixels / 255 for at in clusters.nearest(number, SHOWN) if (pixels := crop(found, *at)) is not None]
        for number in range(len(clusters.sizes))
    ]
    titles = [f"{number}: {size:,}" for number, size in enumerate(clusters.sizes)]
    with atomic_folder(out) as folder:
        write_csv(found, folder / "objects.csv")
        save_figure(clusters_figure(pictures, titles), folder / "clusters.png")
    for number, score in clusters.silhouettes.items():
        print(f"k = {number}: silhouette {score:.3f}")
    sizes = ", ".join(map(str, clusters.sizes))
    print(f"{out}: {sum(clusters.sizes):,} objects in {len(clusters.sizes)} groups of {sizes}")
