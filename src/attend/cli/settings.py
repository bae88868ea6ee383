"""The settings of a training as flags: those of the entries that are chosen, and no others."""

import argparse
import dataclasses
import inspect
from collections.abc import Callable, Iterable
from dataclasses import field, make_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from tyro.conf import Suppress, arg

from attend.adjust import given_way
from attend.config import CHOICES, PRESETS, SECTIONS, Config, not_of, preset
from attend.errors import AttendError
from attend.settings import Settings, hints, own_fields

ENTRIES = "_settings"
"""What the name of an entry's settings has after that of its kind, where both are arguments."""


def default_config(words: list[str]) -> Config:
    """What the settings that are not on the command line are.

    They are the preset's, or with --resume the run's own, and of entries chosen on the command line their defaults.
    A data set that has a preset of its name takes that unless another is given. A preset beside --resume is compared
    with the run; its steps and what gives way to them are the run's.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", nargs="?")
    parser.add_argument("--out", nargs="?")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--steps", nargs="?")
    parser.add_argument("--train.steps", nargs="?", dest="same_steps")
    for kind, section in _sections().items():
        parser.add_argument(f"--{section}.{kind}", nargs="?", dest=kind)
    known, others = parser.parse_known_args(words)
    if known.steps and known.same_steps:
        raise AttendError("steps: is given by --steps and by --train.steps; give one of them")
    named = [word for before, word in pairwise(["", *others]) if word in PRESETS and not before.startswith("-")]
    config = preset(known.preset or (named[0] if named else "default"))
    if known.resume and known.out:
        from attend.fitting import Header

        stored = Header.read(Path(known.out)).config
        config = stored if known.preset is None else config.advised(given_way(stored))
    config = config.replace(**{kind: vars(known)[kind] for kind in CHOICES if vars(known)[kind]})
    _check_apply(_flags(others), config)
    return config


def given_settings(words: list[str]) -> tuple[str, ...]:
    """The names of the settings that are on the command line, however they are spelt."""
    return tuple(path[-1] for path in _flags(words))


def with_settings(command: Callable[..., None], config: Config, **others: Any) -> Callable[..., None]:
    """A command with a parameter for each section of a configuration, for tyro.

    The sections have a flag for each setting, of the chosen entries too, and `config` is what they begin with. `others`
    are defaults of other parameters.
    """
    sections = {name: _arguments(getattr(config, name)) for name in SECTIONS}
    defaults = sections | others
    types = get_type_hints(command, include_extras=True) | {name: type(value) for name, value in sections.items()}
    signature = inspect.signature(command)
    parameters = [
        p.replace(annotation=types[name], default=defaults.get(name, p.default))
        for name, p in signature.parameters.items()
    ]
    return _described(
        lambda *args, **kwargs: command(*args, **kwargs | {n: _section(SECTIONS[n], kwargs[n]) for n in SECTIONS}),
        command.__name__,
        signature.replace(parameters=parameters),
        types,
    )


def _described(function: Any, name: str, signature: inspect.Signature, types: dict[str, Any]) -> Any:
    """A function with the name, the signature and the types of its parameters that tyro is to see."""
    function.__name__ = name
    function.__signature__ = signature
    function.__annotations__ = types
    return function


def _arguments(section: Any) -> Any:
    """A section, or the settings of an entry, with arguments for its fields; of a class of the same documentation."""
    kind, types, names, entries = type(section), hints(type(section)), [], []
    for part in dataclasses.fields(section):
        value = getattr(section, part.name)
        if part.name == "name":
            names.append((part.name, Suppress[str], field(default=value)))
        elif not isinstance(value, Settings):
            names.append((part.name, types[part.name], field(default=value)))
        else:
            known = Annotated[str, arg(metavar="|".join(CHOICES[part.name]))]
            names.append((part.name, known, field(default=value.name)))
            if own_fields(value):
                own = _arguments(value)
                entries.append((part.name + ENTRIES, Annotated[type(own), arg(name=part.name)], field(default=own)))
    documented = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__post_init__": lambda self: None}
    return make_dataclass(kind.__name__, names + entries, bases=(kind,), frozen=True, namespace=documented)()


def _section(kind: type, arguments: Any) -> Any:
    """The section that arguments mean."""
    values = {part.name: getattr(arguments, part.name) for part in dataclasses.fields(kind)}
    for name in CHOICES.keys() & values.keys():
        own = getattr(arguments, name + ENTRIES, None)
        given = {f: getattr(own, f) for f in own_fields(own)} if own else {}
        values[name] = CHOICES[name].settings(values[name], **given)
    return kind(**values)


def _sections() -> dict[str, str]:
    """The section of each kind of entry."""
    return {
        part.name: name
        for name, section in SECTIONS.items()
        for part in dataclasses.fields(section)
        if part.name in CHOICES
    }


def _flags(words: Iterable[str]) -> list[list[str]]:
    """The settings that are on a command line, each as the parts of its path: `model`, `renderer`, `what`."""
    flags = [word.partition("=")[0].removeprefix("--").replace("-", "_") for word in words if word.startswith("--")]
    return [flag.split(".") for flag in flags if flag.partition(".")[0] in SECTIONS]


def _check_apply(flags: list[list[str]], config: Config) -> None:
    """Raise AttendError if a flag is of an entry that is not chosen."""
    for path in flags:
        if len(path) == 3 and path[1] in CHOICES:
            section, kind, name = path
            chosen, others = getattr(getattr(config, section), kind), CHOICES[kind].having(name)
            if others and name not in own_fields(chosen):
                raise AttendError(not_of(".".join(path), kind, others, chosen.name))
