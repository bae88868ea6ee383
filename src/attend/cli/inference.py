"""Inference piece by piece: over data in memory, or over files of which there may be more than memory holds."""

import contextlib
import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attend.cli.arguments import Compose, Files, fitted, read, rules_of, tell
from attend.cli.outputs import results
from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.data import Piece, SceneData
    from attend.exports import Results, StoredResults
    from attend.model import Model
    from attend.scenes import Scenes


@dataclass(frozen=True)
class Given:
    """The images that a command was given.

    Attributes:
        source: what they were called.
        about: by its name, each thing that tells them from others.
        large: whether they may have other sizes than the model knows.
        count: how many pieces there are.
        pieces: those from some number on.
        n: how many images are wanted, if not all.
    """

    source: str
    about: dict[str, str]
    large: bool
    count: int
    pieces: Callable[[int], Generator["Piece", None, None]]
    n: int | None = None


def open_for(
    run: Path, model: "Model", source: str, n: int | None, seed: int, compose: Compose, files: Files, large: bool
) -> Given:
    """The images for a model, as of `read_for`, or larger ones; those of files are not read yet.

    Raises:
        AttendError: as of `read_for`.
    """
    from attend.data import Piece, open_stream
    from attend.data.stream import piece_length

    rules = rules_of(run)
    if large and rules is not None:
        rules = dataclasses.replace(rules, resize=None, crop=None)
    options = compose.given() | files.given()
    stream = open_stream(source, model.size, large=large, split="test", rules=rules, **options)
    if stream is None:
        data = fitted(model, source, read(source, "test", n, seed, compose, files, rules), large)
        about = {"IMAGES": hashlib.sha256(data.images.tobytes()).hexdigest(), "--tile": str(large)}
        step = 1 if large else piece_length(model.size)
        slices = range(0, len(data), step)
        return Given(
            source, about, large, len(slices), lambda start: (Piece(data[i : i + step], ()) for i in slices[start:])
        )
    if n is not None and n < 1:
        raise AttendError(f"n: {n} scenes were asked for; it must be 1 or more")
    about = {
        "--tile": str(large),
        "IMAGES": f"{stream.entries.listing} by {stream.step}",
        "rule of reading": repr(dataclasses.replace(stream.rules, strict=False)),
        "--n": str(n),
    }

    def pieces(start: int) -> Generator[Piece, None, None]:
        told: set[str] = set()
        untold: list[str] = []  # a warning of each file, unless none can be read: that is an error
        with contextlib.closing(stream.pieces(start)) as found:
            for data, skipped in found:
                untold += skipped
                if data is not None or start > 0:
                    for line in untold:
                        warnings.warn(f"{line}; skipped", stacklevel=1)
                    untold = []
                if data is not None and data.reading is not None:
                    notes = dataclasses.replace(data.reading, skipped=()).notes()
                    tell(source, [note for note in notes if note not in told])
                    told.update(notes)
                yield Piece(None if data is None else fitted(model, source, data, large), skipped)

    return Given(source, about, large, len(stream), pieces, n)


def infer_all(model: "Model", given: Given, found: "StoredResults") -> None:
    """Infer the images that are not among the results yet.

    What was done to their pixels, and which files cannot be read, is told on stderr.

    Raises:
        AttendError: the images cannot be read, or there are not as many as wanted.
    """
    from attend.data import Reading, Rules, none_readable

    done, _ = found.totals()
    if done != given.n:
        with contextlib.closing(given.pieces(len(found))) as pieces:
            for data, skipped in _shown(pieces, given.count, len(found)):
                if data is not None and given.n is not None:
                    data = data[: given.n - done]
                found.put(None if data is None else results(_infer(model, data, given), data), skipped)
                done += 0 if data is None else len(data)
                if done == given.n:
                    break
    if not done:
        raise AttendError(none_readable(given.source, found.lines))
    if given.n is not None and done < given.n:
        raise AttendError(f"{given.source}: holds {done} scenes; n is {given.n} and must not be more")
    tell(given.source, Reading(Rules(), tuple(found.lines)).notes())


def infer_pieces(model: "Model", given: Given) -> Iterator["Results"]:
    """What is found in the images, piece by piece, none of which is kept; `given.n` is not looked at.

    Raises:
        AttendError: the images cannot be read.
    """
    with contextlib.closing(given.pieces(0)) as pieces:
        for data, _ in pieces:
            if data is not None:
                yield results(_infer(model, data, given), data)


def _shown(pieces: Iterable["Piece"], count: int, done: int) -> Iterable["Piece"]:
    """The pieces, with a bar on stderr if that is a terminal and there are several."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = count < 2 or not console.is_terminal
    return track(pieces, "looking", count, done, console=console, transient=True, disable=hidden)


def fingerprint(model: "Model") -> str:
    """A digest that tells a model from others."""
    import jax
    import numpy as np

    digest = hashlib.sha256(repr(model.config).encode())
    for leaf in jax.tree.leaves(model):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()


def _infer(model: "Model", data: "SceneData", given: Given) -> "Scenes":
    """What is in a piece."""
    if given.large:
        from attend.tiling import infer_tiled

        try:
            return infer_tiled(model, data.images, names=data.names)
        except AttendError as error:
            raise AttendError(f"{data.names[0] if data.names else given.source}: {error}") from None
    return model.infer(data.images, filled=given.count > 1, names=data.names)
