"""Choose a data set, renderer, cell or estimator by its name."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from attend.errors import AttendError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping from name to entry whose error for an unknown name lists the known ones.

    `register` is a decorator: `@cells.register("lstm")`.
    """

    def __init__(self, kind: str, room: str | None = None):
        """For entries of a kind; with `room`, the module whose import registers them, on the first question for one."""
        self.kind = kind
        self._room = room
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Add the decorated object under `name`; a name taken twice is a programming error."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def _fill(self) -> None:
        if self._room is not None and self._room not in sys.modules:
            importlib.import_module(self._room)

    def __getitem__(self, name: str) -> T:
        """The entry called `name`; AttendError when there is none."""
        self._fill()
        if name not in self._entries:
            raise AttendError(f"{self.kind}: {name!r} is unknown; it must be one of {', '.join(self._entries)}")
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in order of registration."""
        self._fill()
        return iter(self._entries)

    def __len__(self) -> int:
        """How many entries are registered."""
        self._fill()
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        """Whether an entry is called `name`."""
        self._fill()
        return name in self._entries
