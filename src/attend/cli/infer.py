"""`attend infer`."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    check_pixel_size,
    tell,
)
from attend.cli.outputs import check_export, check_folder
from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.looking import Totals


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
            help_behavior_hint="(default: chosen by the suffix of OUT)",
        ),
    ] = None,
    proposals: Annotated[bool, arg(help="Short for --format proposals.")] = False,
    resume: Annotated[bool, arg(help="Continue the same inference after it was stopped.")] = False,
    tile: Annotated[
        bool, arg(help="Process images in overlapping tiles that have the size of the training images.")
    ] = False,
    pixel_size: Annotated[
        float | None,
        arg(
            metavar="UM",
            help="Side of a pixel in micrometres, for measurements, counts and labels.",
            help_behavior_hint="(default: as the files say, where all do)",
        ),
    ] = None,
    cluster: Annotated[
        tuple[str, ...] | None,
        arg(
            metavar="[ADDRESS]",
            help="Use a Ray cluster: the one at HOST:PORT, or auto on a machine of it; with no address, all cores of "
            "this machine (needs the extra `ray`).",
            help_behavior_hint="(default: one process)",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        arg(
            metavar="INT",
            help="Processes that look at once, with --cluster.",
            help_behavior_hint="(default: one for each accelerator, or for each 4 cores)",
        ),
    ] = None,
    n: TestScenes = None,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
    files: FileOptions = Files(),  # noqa: B008, it is frozen
) -> None:
    """Find the objects in images and write them to a file or a folder.

    IMAGES must have the size of the training images. They are read in the same way
    as those (resized, scaled in brightness, inverted). For a model of grey images,
    colour images are converted to luminance (Rec. 601); for a model of colour
    images, grey is repeated in three channels. A data set given by its name gives
    its test images. The suffix of OUT or --format chooses what is written:

    .json      COCO detections: each object with `bbox` (x0, y0, width, height),
               `score` (the probability that it exists) and its mask as
               `segmentation`; each image with `count` and `count_probs`, the
               posterior probability of every count 0..N. With --proposals: COCO
               annotations to be corrected by hand, for example in CVAT or Label
               Studio.
    .csv       a table with a row per object: image, index, presence, bounding box,
    .parquet   `where` and `what` (.parquet needs the extra `export`)
    .npz       the complete posterior as arrays with one row per image, which
               `attend.Scenes.from_npz` reads
    .geojson   outlines of the objects of a single image, for QuPath
    labels     a label image as TIFF for each image: 0 is background, k is the
               k-th object; for Fiji, napari, CellProfiler and QuPath
    rois       a ZIP archive for each image, which the ROI Manager of ImageJ and
               Fiji opens (needs the extra `export`)
    geojson    the outlines of each image as a file for QuPath
    yolo       classes.txt and labels/*.txt, one line per object
    crops      each object as a PNG file
    overlays   each image with its bounding boxes as a PNG file

    With --format measurements, a .csv has for every object its presence
    probability and what scikit-image's regionprops measure (area, centroid,
    eccentricity, intensity_mean, ...), in pixels and, with --pixel-size, in
    micrometres. With --format counts, it has for every image the count, the
    expected count, the 90 % interval of the count and the density.

    There can be any number of files: a few hundred at a time are in memory, and
    intermediate results are kept in OUT.unfinished until OUT is complete. After an
    interruption, the same command with --resume continues where it stopped.

    With --tile, images may be larger than the training images and differ in size:
    each is processed in overlapping tiles, and every object is reported once. No
    object should be larger than half a tile. Objects whose probability of existing
    is above 1/2 count; the mean of `count_probs` is the expected count. A --resize
    or --crop of RUN is then not applied; one that is given here is applied before
    the tiles are cut.

    With --cluster, many machines look at the images: a folder, a pattern, a list or
    Parquet. OUT becomes a folder of Parquet files: images/ with a row for each
    image and objects/ with the rows of the .parquet table. Each image is in it
    exactly once, even if machines fail. docs/cluster.md tells how to run it on
    Kubernetes and with SLURM.

    Bounding boxes are in pixels of the files. In the .npz file and in all pictures
    they are in pixels of the images that the model sees, after --resize and --crop.

    Examples:
        attend infer runs/digits photo.png --out photo.json
        attend infer runs/digits folder_of_images --out found.csv
        attend infer runs/digits folder_of_images --out drawn --format overlays
        attend infer runs/digits scenes.npz --out posterior.npz
        attend infer runs/cells slides --tile --out cells.parquet
        attend infer runs/cells slides --tile --out labels --format labels
        attend infer runs/cells slides --tile --out found.csv \\
            --format measurements --pixel-size 0.65
        attend infer runs/cells /shared/scans --tile --out found --cluster auto
    """
    from attend.looking import check_out, look_into, looker_of

    if cluster is not None:
        given = {"--format": format, "--proposals": proposals, "--pixel-size": pixel_size, "--n": n, **compose.given()}
        if unused := [name for name, value in given.items() if value]:
            raise AttendError(f"{unused[0]}: has no use beside --cluster, which writes tables of all images as Parquet")
        _infer_on_cluster(run, images, out, tile, cluster, workers, resume, files)
        return
    if workers is not None:
        raise AttendError(f"workers: is {workers} without --cluster; one process keeps all cores of this machine busy")
    check_pixel_size(pixel_size)
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
    _say(out, done)


def _infer_on_cluster(
    run: Path,
    images: str,
    out: Path,
    tile: bool,
    cluster: tuple[str, ...],
    workers: int | None,
    resume: bool,
    files: Files,
) -> None:
    from attend.distributed import LOCAL, look_over_cluster

    if len(cluster) > 1:
        raise AttendError(f"--cluster: is {' '.join(cluster)}; there must be one address, or none")
    if workers is not None and workers < 1:
        raise AttendError(f"workers: is {workers}; it must be 1 or more")
    check_folder(out)
    with _bar() as progress, contextlib.redirect_stdout(sys.stderr):  # where Ray says that a worker died
        done = look_over_cluster(
            run,
            images,
            out,
            tiled=tile,
            address=cluster[0] if cluster else LOCAL,
            workers=workers,
            resume=resume,
            tell=lambda source, note: tell(source, [note]),
            progress=progress,
            **files.given(),
        )
    _say(out, done)


def _say(out: Path, done: "Totals") -> None:
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
