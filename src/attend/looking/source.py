"""What is looked at: images piece by piece, from memory or from files of which there may be more than memory holds."""

import contextlib
import dataclasses
import hashlib
import os
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attend.data import ImageStream, Piece, SceneData, as_images, in_channels, load, open_stream
from attend.data.stream import piece_length
from attend.errors import AttendError
from attend.looking.looker import Looker

Tell = Callable[[str, str], None]
"""What is called with a source and a note on what was done to its images."""


@dataclass(frozen=True)
class Source:
    """Images in pieces.

    Attributes:
        name: what the user calls them.
        about: by its name, each thing that tells them from others.
        count: how many pieces there are.
        pieces: those from some number on, fit for the looker; the other argument hears what was done to their pixels.
        n: how many images are wanted, if not all.
        notes: what was done to the pixels of all of them.
    """

    name: str
    about: dict[str, str]
    count: int
    pieces: Callable[[int, Tell], Generator[Piece, None, None]]
    n: int | None = None
    notes: tuple[str, ...] = ()


def open_source(
    images: Any, looker: Looker, *, n: int | None = None, seed: int = 0, split: str = "test", **options: Any
) -> Source:
    """The images for a looker; those of files are not read yet.

    Args:
        images: a path, or the name of a data set, as of `attend.data.load`; a `SceneData`; an `ImageStream`; an array
            `(n, H, W)` or `(n, H, W, C)`; or a list of arrays `(H, W)` or `(H, W, C)`, of Pillow images, or of paths,
            which differ in size only if the looker takes images of any size. Pixels are as of `attend.data.as_images`,
            and rounded to 8 bits.
        looker: for which they are.
        n: how many images are wanted; all if None.
        seed: of a data set by name, draws its scenes.
        split: of a data set by name: `train`, `valid` or `test`.
        **options: of a data set by name or of files, as of `attend.data.load`; they go before the looker's rules.

    Raises:
        AttendError: the images cannot be read, or are not such as the looker takes.
    """
    if n is not None and n < 1:
        raise AttendError(f"n: {n} scenes were asked for; it must be 1 or more")
    if isinstance(images, ImageStream):
        return _of_files(images, looker, n)
    if isinstance(images, str | os.PathLike):
        source = os.fspath(images)
        large, rules = looker.any_size, looker.rules
        stream = open_stream(source, looker.size, large=large, split=split, rules=rules, **options)
        if stream is not None:
            return _of_files(stream, looker, n)
        data = load(source, split=split, n=n, seed=seed, rules=rules, **options)
        data = as_known(source, data, looker.size, looker.any_size)
        notes = tuple(data.reading.notes()) if data.reading else ()
        return dataclasses.replace(_in_memory(source, [data], looker, None), notes=notes)
    if options:
        raise AttendError(f"{next(iter(options))}: is an option of files and of data sets by name, not of arrays")
    if isinstance(images, SceneData):
        return _in_memory("images", [images], looker, n)
    if isinstance(images, list | tuple) and looker.any_size:
        return _in_memory("images", [_one(image, looker) for image in images], looker, n)
    return _in_memory("images", [SceneData(_in_bytes(as_images(images)))], looker, n)


def _one(image: Any, looker: Looker) -> SceneData:
    """One image of a list: its path, a Pillow image, or an array."""
    if isinstance(image, str | os.PathLike):
        return load(os.fspath(image), rules=looker.rules)
    shape = np.shape(image)
    alone = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3) and shape[0] not in (1, 3))
    return SceneData(_in_bytes(as_images(np.asarray(image)[None] if alone else image)))


def as_known(source: str, data: SceneData, size: tuple[int, int, int], any_size: bool = False) -> SceneData:
    """The same scenes in the channels of `size`, which their reading notes if they had others.

    Raises:
        AttendError: they have another height or width, unless they may have any.
    """
    if not any_size and data.images.shape[1:3] != size[:2]:
        found, known = ("x".join(map(str, each)) for each in (data.images.shape[1:], size))
        raise AttendError(
            f"{source}: images: are {found} (height x width x channels); the model knows {known}: give --resize H W or "
            "--crop H W, or to attend infer --tile"
        )
    return in_channels(data, size[2])


def _in_memory(name: str, parts: Sequence[SceneData], looker: Looker, n: int | None) -> Source:
    """Images that are there already; the parts may differ in size."""
    parts = [as_known(name, part, looker.size, looker.any_size) for part in parts]
    step = 1 if looker.any_size else piece_length(looker.size)
    slices = [(part, i) for part in parts for i in range(0, len(part), step)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.images.tobytes())
    about = {"IMAGES": digest.hexdigest(), "--tile": str(looker.any_size)} | ({} if n is None else {"--n": str(n)})

    def pieces(start: int, tell: Tell) -> Generator[Piece, None, None]:
        return (Piece(part[i : i + step], ()) for part, i in slices[start:])

    return Source(name, about, len(slices), pieces, n)


def _of_files(stream: ImageStream, looker: Looker, n: int | None) -> Source:
    about = {
        "--tile": str(looker.any_size),
        "IMAGES": f"{stream.entries.listing} by {stream.step}",
        "rule of reading": repr(dataclasses.replace(stream.rules, strict=False)),
        "--n": str(n),
    }

    def pieces(start: int, tell: Tell) -> Generator[Piece, None, None]:
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
                    for note in dataclasses.replace(data.reading, skipped=()).notes():
                        if note not in told:
                            tell(stream.source, note)
                            told.add(note)
                known = None if data is None else as_known(stream.source, data, looker.size, looker.any_size)
                yield Piece(known, skipped)

    return Source(stream.source, about, len(stream), pieces, n)


def _in_bytes(images: np.ndarray) -> np.ndarray:
    return images if images.dtype == np.uint8 else np.round(255 * images).astype(np.uint8)
