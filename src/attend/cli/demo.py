"""`attend demo`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from attend.cli.evaluate import measure, print_report
from attend.cli.outputs import check_new_run

PRESET, STEPS = "fast", 1200
"""Enough to count well in one to three minutes on two cores, everything included."""

SCENES = {"train": 30_000, "valid": 1_000, "test": 2_000}
"""Scenes composed for each split."""

QUICK_STEPS, QUICK_SCENES = 120, {"train": 1_000, "valid": 100, "test": 100}
"""Enough to see that everything works, in a minute at most; not to count well."""

LOOKED_AT, SHOWN, SAMPLED, BOUND_SAMPLES = 200, 8, 25, 100


def demo(
    *,
    out: Annotated[Path, arg(metavar="FOLDER", help="Where everything goes: a new or empty folder.")] = Path(
        "attend-demo"
    ),
    seed: Annotated[int, arg(help="Seed of the initial parameters and of all noise.")] = 0,
    quick: Annotated[
        bool, arg(help="Train for a few seconds only: enough to see that everything works, not to count well.")
    ] = False,
    resume: Annotated[bool, arg(help="Continue a demo that was stopped; a finished demo is only shown again.")] = False,
) -> None:
    """Learn to count and locate handwritten digits, without labels.

    The command composes images of zero to two of the handwritten digits that come
    with scikit-learn, trains the preset `fast` on the pixels alone, measures the
    model on images of digits that it has never seen, and draws what it finds. It
    needs no network connection and one to three minutes on two CPU cores.

    FOLDER becomes a run folder, which the other commands can use. It also gets
    three pictures: scenes.png (objects found in test images, as attend show draws
    them), samples.png (images that the model generates) and curves.png (the
    training curves).

    Examples:
        attend demo
        attend demo --quick
        attend demo --out /tmp/demo --seed 1
    """
    import attend
    from attend.data import load
    from attend.figures import curves_figure, samples_figure, save_figure, scenes_figure, varied_rows
    from attend.training import RunFolder

    if not resume:
        check_new_run(out)
    steps, sizes = (QUICK_STEPS, QUICK_SCENES) if quick else (STEPS, SCENES)
    print(f"Composing scenes of handwritten digits: {sizes['train']:,} to learn from", flush=True)
    train, valid, test = (load("digits", split=split, n=n) for split, n in sizes.items())
    print(f"Learning to count and locate them, without labels: {steps:,} steps", flush=True)
    try:
        if resume:
            model = attend.fit(train, run=out, resume=True, validation=valid)
        else:
            model = attend.fit(train, config=PRESET, seed=seed, run=out, validation=valid, steps=steps)
    except KeyboardInterrupt as error:
        again = f"attend demo --out {out}{' --quick' if quick else ''}"
        raise KeyboardInterrupt(f"{str(error) or 'interrupted'}; to go on: {again} --resume") from error
    print(f"Measuring on {len(test):,} scenes of digits it has never seen", flush=True)
    print_report(measure(model, test, samples=BOUND_SAMPLES, seed=seed))
    scenes = model.infer(test.images[:LOOKED_AT])
    figures = {
        "scenes.png": scenes_figure(scenes[varied_rows(scenes.counts, SHOWN)], limit=SHOWN),
        "samples.png": samples_figure(*model.sample(SAMPLED, seed=seed)),
        "curves.png": curves_figure(RunFolder(out).metrics()),
    }
    for name, figure in figures.items():
        save_figure(figure, out / name)
    print(f"Pictures: {', '.join(str(out / name) for name in figures)}")
    print(f"More: attend show {out} digits --out more.png, attend evaluate {out} digits, attend --help")
