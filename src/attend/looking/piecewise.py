"""`look` and `look_into`: from images and a looker to results, one piece after another."""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from attend.ahead import ahead, cores
from attend.data import Piece, Reading, Rules, SceneData, none_readable
from attend.errors import AttendError
from attend.exports import Export, Results, export_for, exports
from attend.looking.kept import check_unfinished, delete, keeping, unfinished_folder, write
from attend.looking.looker import Looker
from attend.looking.source import Source, Tell, open_source
from attend.scenes import Scenes

SQUARE = 0.01
"""Sides of pixels that differ by no more than this share are the same."""

TOGETHER = 2**24
"""Pixels of the pieces that are looked at side by side, at most; a larger piece is looked at alone."""

Progress = Callable[[int, int], None]
"""What is called with the number of pieces that are done, and of all."""


class Totals(NamedTuple):
    """What was looked at, in numbers.

    Attributes:
        images: that were looked at.
        objects: in them.
        listed: objects that are told of one by one; the others are hidden by these.
        skipped: files that could not be read.
    """

    images: int
    objects: int
    listed: int
    skipped: int


def warn(source: str, note: str) -> None:
    """Tell by a warning."""
    warnings.warn(f"{source}: {note}", stacklevel=2)


def ignore(done: int, of: int) -> None:
    """Show no progress."""


def look(
    looker: Looker,
    images: Any,
    *,
    keep: str | os.PathLike[str] | None = None,
    resume: bool = False,
    tell: Tell = warn,
    progress: Progress = ignore,
    **options: Any,
) -> Generator[Results, None, None]:
    """Find the objects in images, and give what is found piece by piece: in each piece images have one size.

    Args:
        looker: what looks, such as `looker_of(run)`.
        images: a `Source`, or what `open_source` takes.
        keep: a folder in which what is found is kept. When this process was killed, the same call with `resume` gives
            the pieces that are there, without looking at them again, and goes on; the results are the same. The folder
            stays, and can be deleted when it is not needed any more.
        resume: go on with what an earlier call has kept.
        tell: hears what was done to the images; warnings if not given.
        progress: hears how far it is.
        **options: of `open_source`.

    Raises:
        AttendError: the images cannot be read, there are not as many as wanted, or the folder is in the way.
    """
    source = images if isinstance(images, Source) else open_source(images, looker, **options)
    lines: list[str] = []
    done = 0

    def given(found: Results, skipped: tuple[str, ...]) -> Results:
        nonlocal done
        first, done = done, done + len(found.scenes)
        return dataclasses.replace(found, first=first, skipped=len(skipped))

    if keep is None:
        for found, skipped in looked(looker, source, 0, 0, tell, progress):
            lines += skipped
            if found is not None:
                yield given(found, skipped)
        check_all(source, done, lines, tell)
        return
    folder = Path(keep)
    check_unfinished(folder, resume)
    with keeping(folder, depends_on(looker, source), pixels=True) as store:
        for found in store.pieces():
            yield given(found, ())
        for found, skipped in looked(looker, source, len(store), done, tell, progress):
            store.put(found, skipped)
            if found is not None:
                yield given(found, skipped)
        check_all(source, done, store.lines, tell)


def look_into(
    looker: Looker,
    images: Any,
    out: str | os.PathLike[str],
    *,
    format: Export | str | None = None,
    resume: bool = False,
    pixel_size: float | None = None,
    tell: Tell = warn,
    progress: Progress = ignore,
    **options: Any,
) -> Totals:
    """Find the objects in images, and write what is found to a file or a folder, whole or not at all.

    What is found is kept in `OUT.unfinished` meanwhile, of which one piece at a time is in memory. When this process
    was killed, the same call with `resume` goes on, to the same bytes.

    Args:
        looker: what looks, such as `looker_of(run)`.
        images: a `Source`, or what `open_source` takes.
        out: what is written.
        format: an `Export` or the name of one; if None, the suffix of `out` tells.
        resume: go on with what a stopped call has left behind, if there is something.
        pixel_size: the side of a pixel of the pictures in their files, in micrometres, for the formats that measure;
            if None, as the files themselves say, where all do.
        tell: hears what was done to the images; warnings if not given.
        progress: hears how far it is.
        **options: of `open_source`.

    Raises:
        AttendError: the images cannot be read, there are not as many as wanted, or `out` cannot be written.
    """
    out = Path(out)
    export = check_out(out, format, resume=resume, any_size=looker.any_size)
    source = images if isinstance(images, Source) else open_source(images, looker, **options)
    kept = "with pixels" if export.pixels else "with masks" if export.masks else ""
    about = {"--format": kept} | depends_on(looker, source)
    folder = unfinished_folder(out)
    with keeping(folder, about, pixels=export.pixels, masks=export.masks, pixel_size=pixel_size) as store:
        done, *_ = store.totals()
        for found, skipped in looked(looker, source, len(store), done, tell, progress):
            store.put(found, skipped)
        totals = Totals(*store.totals(), store.skipped)
        check_all(source, totals.images, store.lines, tell)
        write(export, store, out)
        delete(folder)
    return totals


def check_out(
    out: str | os.PathLike[str], format: Export | str | None, *, resume: bool = False, any_size: bool = False
) -> Export:
    """The format of what is to be written to `out`: asked before the work is done.

    Raises:
        AttendError: there is none, a package is missing, it keeps images of one size only, or an unfinished result
            is in the way.
    """
    export = export_for(out) if format is None else exports[format] if isinstance(format, str) else format
    export.check()
    if any_size and export.suffix == ".npz":
        raise AttendError(f"{out}: .npz keeps images of one size; choose another format with --tile")
    check_unfinished(unfinished_folder(Path(out)), resume)
    return export


def results(scenes: Scenes, data: SceneData) -> Results:
    """What was found in the images of `data`, as an export takes it."""
    if data.reading is None:
        return Results(scenes)
    return Results(
        scenes,
        views=data.views,
        inverted=data.reading.rules.ground == "light",
        skipped=len(data.reading.skipped),
        pixel_size=_pixel_size(data),
    )


def _pixel_size(data: SceneData) -> float | None:
    """The side of a pixel in micrometres, if the files of all these images give the same for height and width."""
    sides = np.full(2, np.nan) if data.pixel_um is None else data.pixel_um
    return float(sides.mean()) if (np.abs(sides / sides.flat[0] - 1) <= SQUARE).all() else None


def depends_on(looker: Looker, source: Source) -> dict[str, str]:
    """By its name, each thing that the results depend on."""
    return {"RUN": looker.fingerprint(), **source.about}


def looked(
    looker: Looker, source: Source, start: int, done: int, tell: Tell, progress: Progress
) -> Iterator[tuple[Results | None, tuple[str, ...]]]:
    """What is found in the pieces from number `start` on, before which `done` images were; and the unreadable files."""
    for note in source.notes:
        tell(source.name, note)
    progress(start, source.count)
    if done == source.n:
        return

    def one(piece: Piece) -> tuple[Results | None, tuple[str, ...]]:
        data, skipped = piece
        return None if data is None else results(_scenes(looker, source, data), data), skipped

    with contextlib.ExitStack() as stack:
        pieces = _wanted(source, stack.enter_context(contextlib.closing(source.pieces(start, tell))), done)
        if looker.side_by_side:
            found = ahead(one, pieces, cores() + 1, size=_pixels, largest=TOGETHER)
            found = stack.enter_context(contextlib.closing(found))
        else:
            found = map(one, pieces)
        for number, result in enumerate(found, start + 1):
            yield result
            progress(number, source.count)


def _wanted(source: Source, pieces: Iterable[Piece], done: int) -> Iterator[Piece]:
    """The pieces up to the last image that is wanted, of which so many are done."""
    for data, skipped in pieces:
        if data is not None and source.n is not None:
            data = data[: source.n - done]
        done += 0 if data is None else len(data)
        yield Piece(data, skipped)
        if done == source.n:
            return


def _pixels(piece: Piece) -> int:
    return 0 if piece.data is None else int(np.prod(piece.data.images.shape[:3]))


def _scenes(looker: Looker, source: Source, data: SceneData) -> Scenes:
    try:
        return looker.look(data, several=source.count > 1)
    except AttendError as error:
        raise AttendError(f"{data.names[0] if data.names else source.name}: {error}") from None


def check_all(source: Source, done: int, skipped: list[str], tell: Tell) -> None:
    """Raise AttendError unless all the images were there; say how many files were skipped."""
    if not done:
        raise AttendError(none_readable(source.name, skipped))
    if source.n is not None and done < source.n:
        raise AttendError(f"{source.name}: holds {done} scenes; n is {source.n} and must not be more")
    for note in Reading(Rules(), tuple(skipped)).notes():
        tell(source.name, note)
