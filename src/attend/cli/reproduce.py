"""`attend reproduce`."""

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def reproduce(
    name: Annotated[
        Positional[str],
        arg(
            metavar="NAME",
            help="multi-mnist, generalisation, representation, omniglot, supervised, sprites, estimators, objects-3d, "
            "tabletop, coins, occlusion, photographs, crowds or real.",
        ),
    ],
    *,
    quick: Annotated[
        bool, arg(help="Run at a small size, in less than 90 seconds; exit status 1 if a target is missed.")
    ] = False,
    data: Annotated[
        str,
        arg(
            metavar="DATA",
            help="The source of digits: digits, mnist or mnist:PATH. For real, a folder of sets, each a folder with "
            "images/ and beside it truth.json or labels/; pictures of scikit-image are looked at in any case.",
        ),
    ] = "digits",
    omniglot: Annotated[
        Path | None,
        arg(
            metavar="PATH",
            help="A folder with the zip files of Omniglot.",
            help_behavior_hint="(default: what was downloaded)",
        ),
    ] = None,
    seeds: Annotated[
        tuple[int, ...] | None,
        arg(metavar="INT [INT ...]", help="Seeds of the trainings.", help_behavior_hint="(default: the experiment's)"),
    ] = None,
    out: Annotated[
        Path | None,
        arg(
            metavar="FOLDER",
            help="The folder for the report.",
            help_behavior_hint="(default: docs/results; nowhere with --quick)",
        ),
    ] = None,
    runs: Annotated[
        Path | None,
        arg(
            metavar="FOLDER",
            help="The folder for the trained models.",
            help_behavior_hint="(default: runs/NAME; nowhere with --quick)",
        ),
    ] = None,
) -> None:
    """Repeat an experiment of the paper, and write its tables and figures.

    multi-mnist     counts and places of digits for every seed; course of learning
    generalisation  counts never seen in training: AIR, DAIR, the default cell, DRAW
    representation  the sum and the order of two digits from codes and few labels
    omniglot        handwritten characters as strokes, on alphabets never seen
    supervised      a network trained with all labels, and AIR without labels
    sprites         images of coloured shapes: count, locate, cluster
    estimators      gradient variance, learning curves and time of four estimators
    objects-3d      one solid on a table: AIR, supervised, optimised, sampled
    tabletop        several pieces of crockery: counts, kinds, poses, other views
    coins           a photograph of coins, learned from crops of it
    occlusion       shapes that cover each other
    photographs     coloured digits on pieces of photographs
    crowds          6 to 12 digits per image, processed in tiles
    real            attend find on images of cells, coins, particles; other methods

    The command writes FOLDER/NAME.md and FOLDER/NAME-*.png. Every trained model is
    a run folder; after an interruption, the same command goes on. A full run takes
    from half an hour to some hours on two cores.

    Examples:
        attend reproduce multi-mnist --quick
        attend reproduce generalisation --data mnist:PATH --seeds 0 1 2
        attend reproduce omniglot --omniglot PATH
    """
    from attend.experiments import Settings
    from attend.experiments import reproduce as run_experiment
    from attend.experiments.report import page

    command = ["attend", "reproduce", name, *(["--quick"] if quick else []), "--data", data]
    command += [] if omniglot is None else ["--omniglot", str(omniglot)]
    command += [] if seeds is None else ["--seeds", *map(str, seeds)]
    with tempfile.TemporaryDirectory() as nowhere:
        default_runs, default_out = ((Path(nowhere),) * 2) if quick else (Path("runs") / name, Path("docs/results"))
        settings = Settings(runs or default_runs, quick, data, omniglot, seeds)
        try:
            report = run_experiment(name, settings, out or default_out, shlex.join(command))
        except KeyboardInterrupt as error:
            kept = "; the same command goes on from here" if runs or not quick else ""
            raise KeyboardInterrupt(f"stopped{kept}") from error
    print(page(name, report), end="")
    if quick and not report.passed:
        raise SystemExit(1)
