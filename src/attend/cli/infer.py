"""`attend infer`."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

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
    tell,
)
from attend.cli.outputs import check_export
from attend.errors import AttendError


def infer(
    run: Run,
    images: Images,
    *,
    out: Annotated[Path, arg(metavar="OUT", help="The file to write, in the format of its suffix, or the folder.")],
    format: Annotated[
        str | None,
        arg(
            metavar="STR",
            help="The format: labels, rois, geojson, yolo, crops or overlays for a folder; coco, proposals, npz, csv, "
            "parquet, measurements, counts or geojson-file for a file.",
            help_behavior_hint="(default: told by the suffix of OUT)",
        ),
    ] = None,
    proposals: Annotated[bool, arg(help="Short for --format proposals.")] = False,
    resume: Annotated[bool, arg(help="Go on with the same inference, which was stopped before its end.")] = False,
    tile: Annotated[bool, arg(help="Look at images in overlapping tiles of the size that the model knows.")] = False,
    pixel_size: Annotated[
        float | None,
        arg(metavar="UM", help="Side of a pixel in micrometres, for measurements, counts and labels."),
    ] = None,
    n: TestScenes = None,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Find the objects in images and write them to a file or a folder.

    IMAGES must have the size that the model was trained on; they are read as those
    of RUN were: as large, as bright, inverted if those were. Images in colour
    become their luminance (Rec. 601) for a model of grey ones, and grey is repeated
    in three channels for others.
    Data sets by name give scenes of their test split. What OUT becomes:

    .json      COCO detections: each object with `bbox` (x0, y0, width, height),
               `score` (the probability that it exists) and its mask as
               `segmentation`, each image with `count` and `count_probs`, q(n|x)
               for n = 0..N. With --proposals COCO annotations to correct, say in
               CVAT or Label Studio.
    .csv       a table with a row an object: image, index, presence, its box,
    .parquet   its `where` and its `what` (.parquet needs the extra `export`)
    .npz       the whole posterior as arrays, a row an image, which
               `attend.Scenes.from_npz` reads
    .geojson   outlines of the objects of a single image, for QuPath
    labels     a label image as TIFF for each image: 0 is background, k is the
               k-th object; for Fiji, napari, CellProfiler and QuPath
    rois       a ZIP archive for each image, which the ROI Manager of ImageJ and
               Fiji opens (needs the extra `export`)
    geojson    the outlines of each image as a file for QuPath
    yolo       classes.txt and labels/*.txt, a line an object
    crops      each object as a PNG
    overlays   each image with its boxes as a PNG

    With --format measurements, a .csv has for every object its presence
    probability and what scikit-image's regionprops measure (area, centroid,
    eccentricity, intensity_mean, ...), in pixels and, with --pixel-size, in
    micrometres. With --format counts, it has for every image the count, the
    expected count, the 90 % interval of the count and the density.

    There may be any number of files: memory holds a few hundred at a time, and
    what is found is kept in OUT.unfinished until OUT is written whole. When that
    was stopped, the same command with --resume goes on where it was.

    With --tile, images may be larger than those of RUN and differ in size: each is
    looked at in overlapping tiles of that size, and every object found once. None
    should be larger than half a tile. Objects count that exist with a probability
    above 1/2; the mean of `count_probs` is the expected count. A --resize or --crop
    of RUN is not followed, one given here is, before the tiles are cut.

    Boxes are in pixels of the files, but in the .npz in those of the images that
    the model sees, which --resize and --crop make of them. So are all pictures.

    Examples:
        attend infer runs/digits photo.png --out photo.json
        attend infer runs/digits folder_of_images --out found.csv
        attend infer runs/digits folder_of_images --out drawn --format overlays
        attend infer runs/digits scenes.npz --out posterior.npz
        attend infer runs/cells slides --tile --out cells.parquet
        attend infer runs/cells slides --tile --out labels --format labels
        attend infer runs/cells slides --tile --out found.csv \\
            --format measurements --pixel-size 0.65
    """
    from attend.looking import check_out, look_into, looker_of

    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise AttendError(f"pixel_size: is {pixel_size:g}; it must be above 0, in micrometres")
    if proposals and format not in (None, "proposals"):
        raise AttendError(f"format: is {format!r} beside --proposals; give one of them")
    export = check_export(out, "proposals" if proposals else format)
    check_out(out, export, resume=resume, any_size=tile)
    looker = looker_of(run, tiled=tile)
    options = {"n": n, "seed": seed, **compose.given(), **files.given()}
    with _bar() as progress:
        done = look_into(
            looker,
            images,
            out,
            format=export,
            resume=resume,
            pixel_size=pixel_size,
            tell=lambda source, note: tell(source, [note]),
            progress=progress,
            **options,
        )
    skipped = f"; {done.skipped:,} unreadable skipped" if done.skipped else ""
    print(f"{out}: {done.objects:,} objects in {done.images:,} images{skipped}")


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """What shows how many pieces are done, on stderr if that is a terminal and there are several."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking", visible=False)
        yield lambda done, of: bar.update(task, completed=done, total=of, visible=of > 1)
