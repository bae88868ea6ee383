"""What an entry of a registry can be told: its settings, a small frozen dataclass beside the entry itself."""

import contextlib
import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import get_annotations
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from attend.errors import AttendError
from attend.registry import Registry

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Which values a setting can have; `what: Annotated[int, POSITIVE] = 50` says it beside the setting's type."""

    says: str
    accepts: Callable[[Any], bool]


POSITIVE = Range("above 0 and finite", lambda value: 0 < value < math.inf)
NOT_NEGATIVE = Range("0 or more and finite", lambda value: 0 <= value < math.inf)
FINITE = Range("finite", math.isfinite)
SIZES = Range("one or more sizes, each 1 or more", lambda value: len(value) > 0 and min(value) >= 1)


@dataclass(frozen=True)
class Settings:
    """The settings of the entry `name` of a registry. A subclass adds a field with a default for each of them.

    The docstring of a field is its line in `attend train --help`.
    """

    name: str

    def check(self, where: str) -> None:
        """Raise AttendError on what the ranges of single fields cannot tell; the line begins with the path `where`."""

    def check_training(self, where: str, train: Any) -> None:
        """Raise AttendError if a training of this `TrainConfig` contradicts these settings."""


class Choices(Registry[Callable[..., T]], Generic[T]):
    """A registry whose entries bring settings: each is a function or class that takes them as its first argument.

    `register` is a decorator: `@cells.register("lstm", LSTMSettings)`.
    """

    def __init__(self, kind: str, room: str):
        """For entries of a kind, which register themselves when `room` is imported."""
        super().__init__(kind, room)
        self._settings: dict[str, type[Settings]] = {}

    def register(
        self, name: str, settings: type[Settings] = Settings
    ) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Add the decorated object under `name`; without a class of settings it has none."""
        add = super().register(name)

        def add_both(entry: Callable[..., T]) -> Callable[..., T]:
            self._settings[name] = settings
            return add(entry)

        return add_both

    def settings(self, name: str, **values: Any) -> Settings:
        """The settings of an entry, with their defaults where no value is given; AttendError for an unknown name."""
        return self.settings_class(name)(name, **values)

    def settings_class(self, name: str) -> type[Settings]:
        """The class of an entry's settings; AttendError for an unknown name."""
        self[name]  # refused here if it is unknown
        return self._settings[name]

    def make(self, settings: Settings, *args: Any, **kwargs: Any) -> T:
        """The entry that these settings are of, made with them and with other arguments."""
        return self[settings.name](settings, *args, **kwargs)

    def switched(self, settings: Settings, name: str) -> Settings:
        """The settings of the entry `name` in place of others, which keep what both have from one base class."""
        new = self.settings_class(name)
        old = type(settings)
        common = {f: getattr(settings, f) for f in own_fields(new) if _owner(new, f) is _owner(old, f)}
        return new(name, **common)

    def having(self, field: str) -> list[str]:
        """The names of the entries that have a setting."""
        return [name for name in self if field in own_fields(self._settings[name])]


def own_fields(settings: type[Settings] | Settings) -> list[str]:
    """The names of an entry's settings."""
    return [field.name for field in dataclasses.fields(settings) if field.name != "name"]


def _owner(kind: type[Settings], field: str) -> type | None:
    """The class that says what a field is."""
    return next((base for base in kind.__mro__ if field in get_annotations(base)), None)


@cache
def hints(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields, with their ranges."""
    return get_type_hints(kind, include_extras=True)


def check_ranges(where: str, section: Any) -> None:
    """Raise AttendError naming a field of a dataclass that is out of its range."""
    for name, hint in hints(type(section)).items():
        for part in getattr(hint, "__metadata__", ()):
            value = getattr(section, name)
            if isinstance(part, Range) and not part.accepts(value):
                raise AttendError(f"{where}.{name}: is {value}; it must be {part.says}")


def check_known(where: str, values: Any, names: Any) -> None:
    """Raise AttendError unless `values` is a mapping that has no other keys than `names`."""
    if not isinstance(values, Mapping):
        raise AttendError(f"{where}: is {values!r}; it must be an object of settings")
    for name in values:
        if name not in names:
            raise AttendError(f"{where}.{name}: is no setting; the settings are {', '.join(names) or 'none'}")


def read_settings(where: str, choices: Choices[Any], values: Any) -> Settings:
    """Settings from an object of them with the entry's `name`, as JSON keeps them, or from the name alone.

    Raises:
        AttendError: there is no such entry or setting, or a value is of a wrong type.
    """
    if isinstance(values, Settings):
        values = dataclasses.asdict(values)
    if isinstance(values, str):
        values = {"name": values}
    if not isinstance(values, Mapping) or not isinstance(values.get("name"), str):
        raise AttendError(f"{where}: is {values!r}; it must be a name, or an object with a name and settings")
    kind = choices.settings_class(values["name"])
    given = {name: value for name, value in values.items() if name != "name"}
    check_known(where, given, own_fields(kind))
    return kind(values["name"], **{name: read_value(f"{where}.{name}", kind, name, v) for name, v in given.items()})


def read_value(where: str, kind: type, field: str, value: Any) -> Any:
    """A value as the field of a dataclass has it, from JSON, NumPy or Python; AttendError if it is of a wrong type."""
    hint = hints(kind)[field]
    hint = getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
    if hint in (int, float, str):
        accepted = {int: numbers.Integral, float: numbers.Real, str: str}[hint]
        if isinstance(value, accepted) and not isinstance(value, bool):
            with contextlib.suppress(OverflowError):  # a whole number too large to be a float
                return hint(value)
        raise AttendError(f"{where}: is {value!r}; it must be of type {hint.__name__}")
    if hint == tuple[int, ...]:
        whole = isinstance(value, list | tuple) and all(isinstance(v, numbers.Integral) for v in value)
        if whole and not any(isinstance(v, bool) for v in value):
            return tuple(int(v) for v in value)
        raise AttendError(f"{where}: is {value!r}; it must be a list of whole numbers")
    choices = get_args(hint)
    if value not in choices:
        raise AttendError(f"{where}: is {value!r}; it must be one of {', '.join(choices)}")
    return value


def flattened(section: Any) -> dict[str, Any]:
    """The settings of a section by name, those of an entry as `renderer.what` below the entry's name."""
    flat = {}
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Settings):
            flat[field.name] = value.name
            flat |= {f"{field.name}.{name}": getattr(value, name) for name in own_fields(value)}
        else:
            flat[field.name] = value
    return flat
