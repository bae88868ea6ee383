"""Very many names in little memory."""

from array import array
from collections.abc import Iterable, Sequence


class Names(Sequence[str]):
    """Names as one piece of bytes, which takes a third of what a list of them does."""

    def __init__(self, names: Iterable[str]):
        self._whole, self._ends = bytearray(), array("q", [0])
        for name in names:
            self._whole += name.encode("utf-8", "surrogateescape")
            self._ends.append(len(self._whole))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One of them."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._whole[self._ends[index] : self._ends[index + 1]].decode("utf-8", "surrogateescape")
