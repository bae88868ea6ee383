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
            "tabletop, coins, occlusion, photographs or crowds.",
        ),
    ],
    *,
    quick: Annotated[
        bool, arg(help="A smoke test of under 90 seconds; exit status 1 when it misses a target.")
    ] = False,
    data: Annotated[str, arg(metavar="DATA", help="The digits: digits, mnist or mnist:PATH.")] = "digits",
    omniglot: Annotated[
        Path | None,
        arg(
            metavar="PATH",
            help="A folder with Omniglot's zips.",
            help_behavior_hint="(default: what was downloaded)",
        ),
    ] = None,
    seeds: Annotated[
        tuple[int, ...] | None,
        arg(metavar="INT [INT ...]", help="Of the trainings.", help_behavior_hint="(default: the experiment's)"),
    ] = None,
    out: Annotated[
        Path | None,
        arg(
            metavar="FOLDER",
            help="Where the report goes.",
            help_behavior_hint="(default: docs/results; nowhere with --quick)",
        ),
    ] = None,
    runs: Annotated[
        Path | None,
        arg(
            metavar="FOLDER",
            help="Where the trained models go.",
            help_behavior_hint="(default: runs/NAME; nowhere with --quick)",
        ),
    ] = None,
) -> None:
    """Repeat an experiment of the paper, and write its tables and figures.

    multi-mnist     counts and places of digits, every seed; how it is learned
    generalisation  counts never seen in training: AIR, DAIR, the default cell, DRAW
    representation  the sum and the order of two digits from codes and few labels
    omniglot        handwritten characters as strokes, on alphabets never seen
    supervised      a network with all labels against AIR with none
    sprites         scenes of coloured shapes: count, locate, cluster
    estimators      gradient variance, learning curves and time of four estimators
    objects-3d      one solid on a table: q, supervised, optimised, sampled
    tabletop        several pieces of crockery: counts, kinds, poses, other views
    coins           a photograph of coins, learned from crops of it
    occlusion       shapes that hide one another
    photographs     digits in colours on pieces of photographs
    crowds          6 to 12 digits, looked at in tiles

    Writes FOLDER/NAME.md and FOLDER/NAME-*.png. Every trained model is a run
    folder; the same command goes on where an interrupted one stopped. A full run
    takes from half an hour to some hours on two cores.

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
