"""Images of files in batches to learn from, in a random order, of which there may be more than memory holds."""

import contextlib
import dataclasses
import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import UInt8

from attend.ahead import ahead, cores
from attend.data.augment import Augment
from attend.data.colours import to_channels
from attend.data.entries import Entries, Entry
from attend.data.images import as_scenes, check_one_size, none_readable
from attend.data.order import PartsInOrder
from attend.data.pictures import Picture, found_in
from attend.data.ranges import to_bytes
from attend.data.rules import Rules
from attend.data.scenes_file import SceneData
from attend.errors import AttendError

SURVEYED, SURVEYED_BYTES = 1000, 2**28
"""Files, evenly spread over all there are, that are looked at before the first batch; fewer if they are large."""

SURVEYED_PARTS = 50
"""No more parts than that are read for it, where files are read in parts."""

WINDOW_BYTES = 2**25
"""Of the parts whose images are mixed, where files are read in parts, and of the batches that wait to be used."""

TRIES = 100
"""So many files in a row that cannot be used end a training."""

TOLD = 20
"""Files that cannot be used are named, up to this number."""

PURPOSES = {"order": 1, "parts": 2, "augment": 3}
"""Each draws from a stream of random numbers of its own."""


@dataclass(frozen=True, eq=False)
class ShuffledImages:
    """Batches of images of files, every file once in each epoch, in an order that is a function of a seed.

    Of a file with several pictures, such as tiles or the planes of a stack, one is drawn in each epoch. A file that
    cannot be used is replaced by the next one, with a warning that names it; if the rules are strict, it is an error.
    Such are files that cannot be read or have another size than those that were looked at first.

    Which image comes when, and how it is augmented, depends on the seed and the number of the batch alone. Only what
    is being read is in memory. Of files in a folder or an archive the order is a permutation of all. Those of Parquet
    are mixed among row groups of 32 MiB together (`PartsInOrder`).

    Attributes:
        source: what was asked for.
        entries: its files.
        rules: how to read them. What they leave open, ground and range, is told from `sample`.
        augment: what is done at random to each image.
    """

    source: str
    entries: Entries
    rules: Rules
    augment: Augment = Augment()  # noqa: RUF009, it is frozen
    _unusable: dict[int, str] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        """How many files there are."""
        return len(self.entries)

    @cached_property
    def sample(self) -> SceneData:
        """Images of up to 1,000 files, evenly spread, augmented; their `reading` says how all images are read.

        Raises:
            AttendError: none of them can be read, or they differ in size, or are too small for a rule.
        """
        first = next(self._usable(range(min(len(self), TRIES))))
        n = int(np.clip(SURVEYED_BYTES // first.pixels.nbytes, 1, SURVEYED))
        pictures = list(self._usable(self._spread(n)))
        check_one_size(pictures[0], pictures)
        return as_scenes(pictures, self.rules, tuple(self._unusable.values()))

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        return self.sample.image_shape

    @cached_property
    def whole_bytes(self) -> int:
        """About how many bytes all pictures of all files take, as far as the first file tells."""
        for index in range(min(len(self), TRIES)):
            found = found_in(self.rules, self.entries[index])
            if not isinstance(found, str):
                return len(self) * sum(picture.pixels.nbytes for picture in found)
        return 0

    def some(self, n: int) -> UInt8[np.ndarray, "_m _height _width _channel"]:
        """Images of n files, evenly spread over all there are, or of all if they are fewer."""
        _ = self.sample  # not in the threads

        def image(index: int) -> np.ndarray:
            return self._image(index, np.random.default_rng(index))

        with contextlib.closing(ahead(image, self._spread(n), 2 * cores())) as images:
            return np.stack(list(images))

    def batches(
        self, batch_size: int, seed: int, start: int = 0, part: tuple[int, int] = (0, 1)
    ) -> Generator[UInt8[np.ndarray, "_batch _height _width _channel"], None, None]:
        """Batches without end, from number `start` on. While one is used the next ones are read; close it at the end.

        Args:
            batch_size: images in each. A batch may hold the end of one epoch and the beginning of the next.
            seed: of the order and of what is done at random to the images.
            start: the number of the first batch, 0 for the very first.
            part: which of so many equal parts of each batch to read, and no other image; the first is 0. The size of
                a batch must be a multiple of their number.

        Raises:
            AttendError: the package `grain` is missing, or too many files in a row cannot be used.
        """
        grain = _grain()
        own, parts = part
        each = batch_size // parts
        images = self._places(grain, seed).random_map(self._image, seed=_seed(seed, "augment"))
        images = images.batch(each)[own::parts]
        waiting = max(cores(), min(1000, WINDOW_BYTES // (each * self.sample.images[0].nbytes)))
        options = grain.ReadOptions(num_threads=cores(), prefetch_buffer_size=waiting)
        batches = iter(images.to_iter_dataset(options))
        batches.set_state({"next_index": start})
        told: set[int] = set()
        try:
            for batch in batches:
                self._tell(told)
                yield batch
        finally:
            batches.close()

    def _places(self, grain: Any, seed: int) -> Any:
        """The numbers of the files in their order, epoch after epoch, as a data set of grain."""
        places = grain.MapDataset.range(len(self))
        together = self.entries.together
        window = max(1, WINDOW_BYTES // max(1, self.entries.together_bytes))
        if together is None or len(together) <= window:
            return places.shuffle(seed=_seed(seed, "order")).repeat()
        order = PartsInOrder(together, window, _seed(seed, "parts"))
        return places.repeat().map_with_index(lambda place, _: order(place))

    def _image(self, index: int, rng: np.random.Generator) -> UInt8[np.ndarray, "_height _width _channel"]:
        """The image of a file, or of the next one that can be used."""
        reading = self.sample.reading
        assert reading is not None
        height, width, channels = self.size
        for tried in range(TRIES):
            number = (index + tried) % len(self)
            entry = self.entries[number]
            try:
                picture = self._drawn(entry, rng)
                pixels = picture.pixels
                if pixels.shape[:2] != (height, width):
                    found = "x".join(map(str, pixels.shape[:2]))
                    raise AttendError(f"{entry.place}: is {found} (height x width), others are {height}x{width}")
                if pixels.dtype != np.uint8:
                    if reading.rules.range is None:
                        raise AttendError(f"{entry.place}: has over 8 bits a pixel, unlike others; give --range LO HI")
                    pixels = to_bytes(pixels, reading.rules.range)
                pixels = 255 - pixels if reading.rules.ground == "light" else pixels
                return np.ascontiguousarray(to_channels(pixels[None], channels)[0][0])
            except AttendError as error:
                if self.rules.strict:
                    raise
                self._unusable.setdefault(number, str(error))
        last = self._unusable[(index + TRIES - 1) % len(self)]
        raise AttendError(f"{self.source}: {TRIES} files in a row cannot be used; the last: {last}")

    def _drawn(self, entry: Entry, rng: np.random.Generator) -> Picture:
        """One of the pictures of a file, augmented."""
        found = found_in(self.rules, entry)
        if isinstance(found, str):
            raise _UnreadableError(found)
        picture = found[rng.integers(len(found)) if len(found) > 1 else 0]
        try:
            return picture._replace(pixels=self.augment(picture.pixels, rng))
        except AttendError as error:
            raise AttendError(f"{entry.place}: {error}") from None

    def _usable(self, indices: Sequence[int]) -> Generator[Picture, None, None]:
        """One picture of each of these files that can be read.

        Raises:
            AttendError: none can be.
        """

        def drawn(index: int) -> Picture | str:
            try:
                return self._drawn(self.entries[index], np.random.default_rng(index))
            except _UnreadableError as error:
                if self.rules.strict:
                    raise
                return str(error)

        none = True
        with contextlib.closing(ahead(drawn, indices, 2 * cores())) as pictures:
            for index, picture in zip(indices, pictures, strict=True):
                if isinstance(picture, str):
                    self._unusable[index] = picture
                else:
                    none = False
                    yield picture
        if none:
            raise AttendError(none_readable(self.source, list(self._unusable.values())))

    def _spread(self, n: int) -> list[int]:
        """The numbers of n files, evenly spread over all, or of all; in few parts where files are read in parts."""
        n = min(n, len(self))
        together = self.entries.together
        if together is None or len(together) <= SURVEYED_PARTS:
            return [number * len(self) // n for number in range(n)]
        parts = np.arange(SURVEYED_PARTS) * len(together) // SURVEYED_PARTS
        lengths = together[parts]
        starts = (np.cumsum(together) - together)[parts]
        among = np.concatenate([np.arange(length) + start for length, start in zip(lengths, starts, strict=True)])
        n = min(n, len(among))
        return among[np.arange(n) * len(among) // n].tolist()

    def _tell(self, told: set[int]) -> None:
        """Say which files cannot be used, each once."""
        for number in [number for number in list(self._unusable) if number not in told]:
            told.add(number)
            if len(told) <= TOLD:
                warnings.warn(f"{self._unusable[number]}; the next one is taken instead", stacklevel=4)
            elif len(told) == TOLD + 1:
                warnings.warn(f"{self.source}: more files cannot be used; they are named no longer", stacklevel=4)


class _UnreadableError(AttendError):
    """A file that cannot be read, rather than one that is not as the rules want it."""


def _seed(seed: int, purpose: str) -> int:
    """A seed of 32 bits, so that those of two purposes, or of two seeds side by side, have nothing in common."""
    return int(np.random.default_rng([seed % 2**64, PURPOSES[purpose]]).integers(2**32))


def _grain() -> Any:
    try:
        import grain
    except ImportError as error:
        raise AttendError("to train on a stream of images needs: pip install 'attend[stream]'") from error
    return grain
