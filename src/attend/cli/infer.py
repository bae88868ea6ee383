"""`attend infer`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from attend.cli.arguments import Compose, ComposeOptions, Images, Run, SceneSeed, TestScenes, fitting, read
from attend.cli.outputs import check_file


def infer(
    run: Run,
    images: Images,
    *,
    out: Annotated[
        Path, arg(metavar="FILE", help="What to write: .json (COCO detections) or .npz (the whole posterior).")
    ],
    n: TestScenes = None,
    seed: SceneSeed = 0,
    compose: ComposeOptions = Compose(),  # noqa: B008, it is frozen
) -> None:
    """Find the objects in images and write them to a file.

    IMAGES must have the size and the channels that the model was trained on.
    Data sets by name give scenes of their test split.

    A .json file is in COCO's detection format: every object is an annotation with
    `bbox` (x0, y0, width, height in pixels) and `score` (the probability that it
    exists); every image also has its `count` and `count_probs`, q(n|x) for
    n = 0..N. An .npz file holds the posterior as arrays, one row an image:
    count_probs, where, where_sd, what, what_sd, boxes, patches, images and
    reconstructions; `attend.Scenes.from_npz` reads it.

    Examples:
        attend infer runs/digits photo.png --out photo.json
        attend infer runs/digits folder_of_images --out found.json
        attend infer runs/digits scenes.npz --out posterior.npz
    """
    import attend

    check_file(out, [".json", ".npz"])
    model = attend.load(run)
    data = read(images, "test", n, seed, compose)
    scenes = model.infer(fitting(data.images, model, images), names=data.names)
    if out.suffix == ".json":
        scenes.to_coco(out)
    else:
        scenes.to_npz(out)
    print(f"{out}: {int(scenes.counts.sum()):,} objects in {len(scenes):,} images")
