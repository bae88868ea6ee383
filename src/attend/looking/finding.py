"""From images to their objects in one step: tell what kind they are, learn, look, write."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from attend.errors import AttendError
from attend.exports import StoredResults, exports
from attend.field import universal
from attend.files import atomic_file, check_new_folder
from attend.finding import Finder, Kind, Learned, foregrounds, make_finder
from attend.finding.busiest import Activity
from attend.finding.calibration import Calibration
from attend.finding.finder import LEARNED_FROM, ROUNDS, TURNS
from attend.looking.finder_looker import FinderLooker
from attend.looking.found import LIKENESS, SURVEY, TABLES
from attend.looking.kept import delete, keeping
from attend.looking.looker import FINDER
from attend.looking.piecewise import Totals, check_all, depends_on, looked
from attend.looking.source import Tell, open_source
from attend.photometry import NATURAL
from attend.scenes import Scenes

Watch = Callable[[str, int, int], None]
"""Is told the phase (`reading`, `surveying`, `learning` or `looking`), how much is done, and of how much."""

LARGEST = 4096
"""Pixels along a side of the part of an image that is learned from, the busiest one."""


def _ignore(phase: str, done: int, of: int) -> None:
    pass


def find(
    images: Any,
    *,
    foreground: str | None = None,
    diameter: float | None = None,
    rounds: int = ROUNDS,
    turns: int = TURNS,
    seed: int = 0,
    watch: Watch = _ignore,
    **options: Any,
) -> list[Scenes]:
    """Find the objects in images of repeated things, without a label and without a setting.

    Args:
        images: a path, an array, or a list of arrays of any sizes, as of `open_source`.
        foreground: what tells objects from the background: `bright`, `dark`, `stain`, `saturation`, `not red` or
            `not blue`; if None, told from the images.
        diameter: of the usual object, in pixels; if None, told from the images.
        rounds: of learning; with 0 nothing is learned of these images beyond what they are like.
        turns: 1 to 8: how often each image is looked at, turned and mirrored; 1 is fastest, 8 sees best.
        seed: of all noise; the same seed gives the same result, bit for bit, on one machine.
        watch: hears how far it is.
        **options: of how files are read, as of `attend.data.load`.

    Returns:
        The scene of each image, in a `Scenes` of length 1, whose masks, boxes and counts are in pixels of the image.

    Raises:
        AttendError: the images cannot be read, or a setting is out of range.
    """
    looker = FinderLooker(_learn(images, foreground, diameter, rounds, turns, seed, watch, _silent, options).finder)
    source = open_source(images, looker, **options)
    pieces = looked(looker, source, 0, 0, _silent, lambda done, of: watch("looking", done, of))
    return [one for found, _ in pieces if found is not None for one in found.scenes]


def find_into(
    images: Any,
    out: str | os.PathLike[str],
    *,
    foreground: str | None = None,
    diameter: float | None = None,
    rounds: int = ROUNDS,
    turns: int = TURNS,
    seed: int = 0,
    pixel_size: float | None = None,
    resume: bool = False,
    tell: Tell,
    told: Callable[[Learned], None] = lambda learned: None,
    watch: Watch = _ignore,
    **options: Any,
) -> tuple[Finder, Totals]:
    """As `find`, and write what is found to a folder: the tables and pictures of `TABLES`, and the finder.

    After a kill, the same call with `resume` goes on, to the same result: what was learned and the images that were
    looked at are kept.

    Args:
        images: as of `find`.
        out: a new or an empty folder, or with `resume` that of the call to go on with. `attend infer` finds more
            objects with it.
        foreground: as of `find`.
        diameter: as of `find`.
        rounds: as of `find`.
        turns: as of `find`.
        seed: as of `find`.
        pixel_size: the side of a pixel in micrometres, for the tables; if None, as the files say, where all do.
        resume: go on with what an earlier call has left behind.
        tell: hears what was done to the images.
        told: hears what was learned.
        watch: hears how far it is.
        **options: as of `find`.

    Raises:
        AttendError: as of `find`; there is something in the folder already, or it cannot be written.
    """
    out = Path(out)
    asked = {"foreground": foreground, "diameter": diameter, "rounds": rounds, "turns": turns, "seed": seed}
    asked |= {"images": str(images)} | {name: value for name, value in options.items() if value is not None}
    asked = json.loads(json.dumps(asked, default=str))
    _check_out(out, asked, resume)
    if (out / FINDER).exists():
        finder = Finder.load(out / FINDER)
    else:
        learned = _learn(images, foreground, diameter, rounds, turns, seed, watch, tell, options)
        finder = learned.finder
        told(learned)
        if learned.likeness is not None:
            from attend.figures import likeness_figure, save_figure  # slow to import

            save_figure(likeness_figure(learned.likeness.parts, learned.likeness.dreams), out / LIKENESS)
        with atomic_file(out / SURVEY) as file:
            file.write((json.dumps({"asked": asked} | _as_json(learned), indent=2) + "\n").encode())
        finder.save(out / FINDER)
    looker = FinderLooker(finder)
    source = open_source(images, looker, **options)
    with keeping(out / ".found", depends_on(looker, source), pixels=True, pixel_size=pixel_size) as store:
        done, *_ = store.totals()
        for found, skipped in looked(looker, source, len(store), done, tell, lambda d, n: watch("looking", d, n)):
            store.put(found, skipped)
        totals = Totals(*store.totals(), store.skipped)
        check_all(source, totals.images, store.lines, tell)
        for number, (name, place) in enumerate(TABLES.items()):
            watch("writing", number, len(TABLES))
            _write(store, name, out / place)
        delete(out / ".found")
    return finder, totals


def _write(store: StoredResults, name: str, path: Path) -> None:
    """One table or folder, if an earlier process has not written it already."""
    if not path.exists():
        exports[name].write(store, path)


def _check_out(out: Path, asked: dict[str, Any], resume: bool) -> None:
    """Check that the folder is free, or begun with the same settings and to be gone on with."""
    if not resume or not (out / SURVEY).exists():
        check_new_folder(out)
        return
    try:
        before = json.loads((out / SURVEY).read_text())["asked"]
        names = sorted(before.keys() | asked.keys())
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AttendError(f"{out / SURVEY}: is damaged ({error}); delete {out} to start anew") from error
    for name in names:
        if before.get(name) != asked.get(name):
            found, given = before.get(name), asked.get(name)
            raise AttendError(f"{out}: was begun with {name} {found!r}, not {given!r}; give the same, or delete it")


def _learn(
    images: Any,
    foreground: str | None,
    diameter: float | None,
    rounds: int,
    turns: int,
    seed: int,
    watch: Watch,
    tell: Tell,
    options: dict[str, Any],
) -> Learned:
    if foreground is not None:
        foregrounds[foreground]
    if diameter is not None and not 2 <= diameter <= 2000:
        raise AttendError(f"diameter: is {diameter:g}; it must be from 2 to 2,000 pixels")
    if rounds < 0:
        raise AttendError(f"rounds: is {rounds}; it must be 0 or more")
    if not 1 <= turns <= 8:
        raise AttendError(f"turns: is {turns}; it must be from 1 to 8")
    some = _sample(images, watch, tell, options)
    return make_finder(
        some, foreground=foreground, diameter=diameter, rounds=rounds, turns=turns, seed=seed, watch=watch
    )


def _sample(
    images: Any, watch: Watch, tell: Tell, options: dict[str, Any]
) -> list[UInt8[np.ndarray, "_rows _columns _channels"]]:
    """Some of the images, evenly spread, of large ones a part; grey if all of them are, else in colour."""
    anyone = FinderLooker(Finder(universal(), Kind("bright", NATURAL), Calibration(), 3))
    source = open_source(images, anyone, **options)
    chosen = np.unique(np.linspace(0, source.count - 1, LEARNED_FROM).astype(int))
    some: list[np.ndarray] = []
    lines: list[str] = []
    for done, number in enumerate(chosen):
        watch("reading", done, len(chosen))
        piece = next(source.pieces(int(number), _silent))
        lines += piece.skipped
        some += (
            []
            if piece.data is None
            else [np.ascontiguousarray(Activity(image).busiest(LARGEST)) for image in piece.data.images]
        )
    check_all(dataclasses.replace(source, n=None), len(some), lines, tell)
    if all((image == image[..., :1]).all() for image in some):
        some = [image[..., :1] for image in some]
    return some


def _silent(source: str, note: str) -> None:
    pass


def _as_json(learned: Learned) -> dict[str, Any]:
    """What was told of the images, what else was tried, and what each round of learning did."""
    return {
        "kind": dataclasses.asdict(learned.finder.kind),
        "empty": learned.finder.empty,
        "calibration": dataclasses.asdict(learned.finder.calibration),
        "hypotheses": [dataclasses.asdict(one) for one in learned.evidence],
        "rounds": [dataclasses.asdict(one) for one in learned.rounds],
        "likeness": learned.likeness and learned.likeness.numbers(),
    }
