"""Results in a folder, a file for each piece, of which one at a time is in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from attend.exports.results import Results, unique_stems
from attend.files import atomic_file, read_npz
from attend.scenes import NAMES, Scenes

SLIM = ("count_probs", "each_presence", "boxes", "where", "what")
"""What formats that show no pixels need of scenes."""


class StoredResults:
    """Results that grow piece by piece; a piece is stored whole or not at all.

    Attributes:
        folder: holds a file for each piece, and nothing else of this kind; it need not exist.
        pixels: whether all of the scenes is kept. If not, what is not in `SLIM` is forgotten, and comes back as zeros
            that take no memory.
        masks: whether masks are kept all the same; if not, there are none when the scenes come back.
        pixel_size: the side of a pixel of the pictures in their files, in micrometres; if None, as each piece has it,
            or in none of them if one has none, so that all say the same things.
    """

    def __init__(self, folder: Path, *, pixels: bool, masks: bool = False, pixel_size: float | None = None):
        self.folder = folder
        self.pixels = pixels
        self.masks = masks or pixels
        self.pixel_size = pixel_size
        self._pieces = 0
        while self._file(self._pieces).exists():
            self._pieces += 1

    def __len__(self) -> int:
        """How many pieces there are."""
        return self._pieces

    def put(self, results: Results | None, skipped: Sequence[str] = ()) -> None:
        """Store one more piece, of 8-bit images, and a line for each file in it that could not be read.

        Raises:
            AttendError: it cannot be written.
        """
        arrays: dict[str, np.ndarray] = {"skipped": np.array(skipped, np.str_)}
        if results is not None:
            arrays["inverted"] = np.array(results.inverted)
            arrays["pixel_size"] = np.array(np.nan if results.pixel_size is None else results.pixel_size)
            if results.views is not None:
                arrays["views"] = results.views
            for name in NAMES:
                if (names := getattr(results.scenes, name)) is not None:
                    arrays[name] = np.array(names, np.str_)
            for name, array in results.scenes.arrays().items():
                if name == "masks" and not self.masks:
                    continue
                if not self.pixels and name not in (*SLIM, "masks"):
                    arrays[f"shape.{name}"] = np.array(array.shape)
                elif name == "images":
                    arrays["bytes.images"] = np.round(255 * array).astype(np.uint8)
                else:
                    arrays[f"scenes.{name}"] = array
        with atomic_file(self._file(len(self))) as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
        self._pieces += 1

    def pieces(self) -> Iterator[Results]:
        """The pieces that have images, in the order in which they were stored."""
        first, sized = 0, all(np.isfinite(size) for size in self._pixel_sizes())
        for number in range(len(self)):
            arrays = read_npz(self._file(number))
            if "inverted" in arrays:
                piece = _results(arrays, first, self.pixel_size or (float(arrays["pixel_size"]) if sized else None))
                first += len(piece.scenes)
                yield piece

    def totals(self) -> tuple[int, int, int]:
        """How many images there are, how many objects in them, and how many of those are listed."""
        images = objects = listed = 0
        for piece in self.pieces():
            images += len(piece.scenes)
            objects += int(piece.counts.sum())
            listed += int(piece.listed.sum())
        return images, objects, listed

    def stems(self) -> list[str]:
        """A path for each image below a folder, as of `unique_stems`."""
        return unique_stems(name for piece in self.pieces() for name in piece.names())

    @property
    def lines(self) -> list[str]:
        """A line for each file that could not be read."""
        return [str(line) for n in range(len(self)) for line in read_npz(self._file(n))["skipped"]]

    @property
    def skipped(self) -> int:
        """How many files could not be read."""
        return len(self.lines)

    def _pixel_sizes(self) -> Iterator[float]:
        """That of each piece that has images; NaN where it is not known."""
        for number in range(len(self)):
            arrays = read_npz(self._file(number), ("inverted", "pixel_size"))
            if "inverted" in arrays:
                yield float(arrays.get("pixel_size", np.nan))

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.npz"


def _results(arrays: dict[str, np.ndarray], first: int, pixel_size: float | None) -> Results:
    fields = {}
    for key, array in arrays.items():
        kind, _, name = key.partition(".")
        if kind == "shape":
            fields[name] = np.broadcast_to(np.float32(0), tuple(array))
        elif kind == "bytes":
            fields[name] = array.astype(np.float32) / 255
        elif kind == "scenes":
            fields[name] = array
    fields |= {name: tuple(arrays[name].tolist()) for name in NAMES if name in arrays}
    views, inverted = arrays.get("views"), bool(arrays["inverted"])
    return Results(Scenes(**fields), views, inverted, first=first, pixel_size=pixel_size)
