"""Every setting of a model and of its training, with the presets."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from attend.earlier import EARLIER, is_earlier, present
from attend.errors import AttendError
from attend.settings import (
    FINITE,
    NOT_NEGATIVE,
    POSITIVE,
    SIZES,
    Choices,
    Settings,
    check_known,
    check_ranges,
    own_fields,
    read_settings,
    read_value,
)

CHOICES: dict[str, Choices[Any]] = {
    "renderer": Choices("renderer", "attend.p"),
    "background": Choices("background", "attend.p"),
    "likelihood": Choices("likelihood", "attend.p"),
    "cell": Choices("cell", "attend.q"),
    "estimator": Choices("estimator", "attend.objective"),
}
"""What is chosen by name. An entry and its settings are in one file, of a room that needs JAX. So that `attend --help`
is quick, that room is imported only when an entry is first asked for."""


def _default(kind: str, name: str) -> Callable[[], Settings]:
    return lambda: CHOICES[kind].settings(name)


@dataclass(frozen=True)
class ModelConfig:
    """The generative model p and the inference network q: their parts, and the settings that these share."""

    max_objects: Annotated[int, POSITIVE] = 3
    """N, the largest number of objects in an image."""
    count: Literal["presence", "posterior"] = "presence"
    """How the number of objects is inferred: 'presence' (as q has learned to predict it) or 'posterior' (by how well p
    explains the image with the first 0, 1, 2, ... objects that q has found; more reliable if p is known)."""
    count_price: Annotated[float, FINITE] = 13.8
    """Nats by which each object must improve the bound: minus the prior log odds of one more object at the end of the
    annealing, so that no object is explained twice. 'posterior' uses the same value. Use more if p models the
    background less well than the objects."""
    count_passes: Annotated[int, POSITIVE] = 1
    """Passes of q per image for 'posterior', the first with the modes of the latent variables, the others with samples:
    each count uses the pass that explains the image best. The time grows in proportion."""
    renderer: Settings = field(default_factory=_default("renderer", "patch"))
    """How p draws objects: 'patch' (learned; brightness is added), 'alpha' (learned; objects cover what is behind
    them), 'flat' (the same, each object in one colour), or a world of solids: 'objects-3d' or 'tabletop'."""
    background: Settings = field(default_factory=_default("background", "none"))
    """The background: 'none' (black), 'constant' (one colour) or 'learned' (uneven light and texture)."""
    likelihood: Settings = field(default_factory=_default("likelihood", "gaussian"))
    """The distribution of pixels around the image that p draws: 'gaussian', or 'student', where each image has its own
    noise level."""
    cell: Settings = field(default_factory=_default("cell", "glance"))
    """The recurrent cell of q: 'glance' (default), 'lstm' (AIR) or 'lstm-difference' (DAIR)."""
    glimpse: Annotated[int, POSITIVE] = 24
    """Side in pixels of the crop that q sees and of the patch that p draws."""
    encoder_widths: Annotated[tuple[int, ...], SIZES] = (256, 256)
    """Sizes of the hidden layers of the encoder of that crop."""

    def __post_init__(self):
        """Refuse what cannot be, by name."""
        _check("model", self)

    @classmethod
    def from_dict(cls, values: Any) -> "ModelConfig":
        """The inverse of `dataclasses.asdict`, as `Config.from_dict`."""
        if is_earlier({"model": values}):
            return Config.from_dict({"model": values}).model
        return _section("model", cls, values)


@dataclass(frozen=True)
class TrainConfig:
    """The objective and the optimiser."""

    estimator: Settings = field(default_factory=_default("estimator", "exact"))
    """'exact' (exact sum over the counts), 'wake' (also over the kinds; q is fitted to the posterior of both),
    'wake-sleep' (and yaws are learned from images that p draws), 'nvil' (the paper's score function with baseline) or
    'iw' (importance-weighted)."""
    steps: Annotated[int, POSITIVE] = 10_000
    """Number of optimiser steps."""
    batch_size: Annotated[int, POSITIVE] = 64
    """Images per step."""
    optimiser: Literal["adam", "muon"] = "adam"
    """The optimiser of p, q and what the estimator learns for itself: 'adam', or 'muon' (fewer steps, each of which
    takes longer)."""
    learning_rate: Annotated[float, POSITIVE] = 2e-3
    """Learning rate for p and q, after the warm-up."""
    warmup_steps: Annotated[int, NOT_NEGATIVE] = 100
    """Steps of the warm-up, in which the learning rate rises from 0."""
    decay: Literal["cosine", "none"] = "cosine"
    """The learning rate after the warm-up: 'cosine' (it falls to a hundredth) or 'none' (it stays constant)."""
    clip_norm: Annotated[float, NOT_NEGATIVE] = 10.0
    """Largest norm of the gradient; a larger gradient is scaled down to it. 0 for no limit."""
    count_log_odds_start: Annotated[float, FINITE] = 6.9
    """Prior log odds of one more object at step 0: in favour of objects, so that q learns to search for them."""
    count_anneal_steps: Annotated[int, POSITIVE] = 2000
    """Steps in which these log odds are annealed to minus `count_price`."""

    def __post_init__(self):
        """Refuse what cannot be, by name."""
        _check("train", self)


SECTIONS: dict[str, type] = {"model": ModelConfig, "train": TrainConfig}


@dataclass(frozen=True)
class Config:
    """Everything that, with the data and the seed, determines a run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    """The model."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """Its training."""

    def __post_init__(self):
        """Refuse what contradicts itself, by name."""
        t = self.train
        for name, section in self._sections().items():
            for where, settings in _entries(name, section).items():
                settings.check_training(where, t)
        if t.warmup_steps >= t.steps:
            raise AttendError(f"train.warmup_steps: is {t.warmup_steps}; it must be below train.steps, {t.steps}")

    @classmethod
    def from_dict(cls, values: Any) -> "Config":
        """The inverse of `dataclasses.asdict`; AttendError naming a field that is unknown or of a wrong type.

        Also of what earlier versions stored, in which all settings were in two flat lists.
        """
        check_known("config", values, SECTIONS)
        if is_earlier(values):
            for name, given in values.items():
                check_known(name, given, [*_fields(SECTIONS[name]), *EARLIER[name]])
            return cls().advised(present(values))
        return cls(**{name: _section(name, kind, values.get(name, {})) for name, kind in SECTIONS.items()})

    def replace(self, **settings: Any) -> "Config":
        """A copy with some settings changed, each by its name, such as `steps=100`.

        A setting of a chosen entry has the name of its field, such as `what=19`, or that with the kind of the entry
        before it, such as `cell_widths=(256,)`. Who chooses another entry gets its defaults, but for what both entries
        have from one base class: that stays.

        Raises:
            AttendError: a setting is unknown, of a wrong type or out of range.
        """
        return self.advised({}, **settings)

    def advised(self, advice: Mapping[str, Any], **settings: Any) -> "Config":
        """As `replace`, with advice beside it that gives way to `settings`, where it applies to the chosen entries.

        Raises:
            AttendError: as of `replace`.
        """
        sections = {name: {f: getattr(part, f) for f in _fields(part)} for name, part in self._sections().items()}
        for name, fields in sections.items():
            for kind in CHOICES.keys() & fields.keys() & (advice.keys() | settings.keys()):
                chosen = settings.get(kind, advice.get(kind))
                if not isinstance(chosen, str):
                    fields[kind] = read_settings(f"{name}.{kind}", CHOICES[kind], chosen)
                elif chosen != fields[kind].name:
                    fields[kind] = CHOICES[kind].switched(fields[kind], chosen)
        places = _places(sections)
        for name, value in [*advice.items(), *settings.items()]:
            if name in CHOICES:
                continue
            if name not in places:
                if name in settings:
                    raise AttendError(_unknown(name, sections))
                continue
            section, kind, changed = _one(name, places[name])
            if kind is None:
                sections[section][changed] = read_value(f"{section}.{changed}", SECTIONS[section], changed, value)
            else:
                old = sections[section][kind]
                value = read_value(f"{section}.{kind}.{changed}", type(old), changed, value)
                sections[section][kind] = dataclasses.replace(old, **{changed: value})
        return Config(**{name: kind(**sections[name]) for name, kind in SECTIONS.items()})

    def _sections(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SECTIONS}


Place = tuple[str, str | None, str]
"""Section, kind of entry if the setting is one of an entry, and field."""


def _entries(name: str, section: Any) -> dict[str, Settings]:
    """The chosen entries of a section by their paths."""
    return {f"{name}.{kind}": getattr(section, kind) for kind in CHOICES if hasattr(section, kind)}


def _places(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Place]]:
    """Where the setting of each name is kept."""
    places: dict[str, list[Place]] = {f: [(section, None, f)] for section, fields in sections.items() for f in fields}
    own = set(places)
    for section, fields in sections.items():
        for kind, settings in fields.items():
            for changed in own_fields(settings) if kind in CHOICES else ():
                for name in {changed, f"{kind}_{changed}"} - own:
                    places.setdefault(name, []).append((section, kind, changed))
    return places


def _one(name: str, places: list[Place]) -> Place:
    if len(places) > 1:
        full = " or ".join(f"{kind}_{changed}" for _, kind, changed in places)
        raise AttendError(f"{name}: is a setting of several entries; say {full}")
    return places[0]


def _unknown(name: str, sections: Mapping[str, Mapping[str, Any]]) -> str:
    known = []
    for fields in sections.values():
        for kind, settings in fields.items():
            known.append(kind)
            if kind in CHOICES:
                known += own_fields(settings)
                if others := CHOICES[kind].having(name) or CHOICES[kind].having(name.removeprefix(f"{kind}_")):
                    return not_of(name, kind, others, settings.name)
    return f"{name}: is no setting; the settings are {', '.join(known)}"


def not_of(where: str, kind: str, others: list[str], chosen: str) -> str:
    """The line on a setting that entries have which are not chosen."""
    return f"{where}: is a setting of the {kind} {' or '.join(map(repr, others))}, and the {kind} is {chosen!r}"


def _section(where: str, kind: Any, values: Any) -> Any:
    """A section from an object of its settings."""
    check_known(where, values, _fields(kind))
    return kind(
        **{
            name: read_settings(f"{where}.{name}", CHOICES[name], value)
            if name in CHOICES
            else read_value(f"{where}.{name}", kind, name, value)
            for name, value in values.items()
        }
    )


def _check(where: str, section: Any) -> None:
    """Raise AttendError on what cannot be in a section, and in the settings of its entries."""
    check_ranges(where, section)
    for path, settings in _entries(where, section).items():
        check_ranges(path, settings)
        settings.check(path)


def _fields(section: Any) -> list[str]:
    return [f.name for f in dataclasses.fields(section)]


def _solids(
    world: str, max_objects: int, pixel_sd: float, steps: int, batch_size: int, estimator: str = "wake"
) -> dict[str, Any]:
    """A preset whose renderer is fully specified: a step takes long, but few are needed."""
    return dict(
        max_objects=max_objects,
        count="posterior",
        count_price=0.0,
        cell_widths=(32, 64, 64),
        saliency=3.0,
        renderer=world,
        pixel_sd=pixel_sd,
        estimator=estimator,
        steps=steps,
        batch_size=batch_size,
        warmup_steps=50,
        count_anneal_steps=steps // 5,
    )


_PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": dict(
        cell_reach=1.0,
        what=16,
        count_price=8.0,
        glimpse=20,
        encoder_widths=(200, 200),
        decoder_widths=(200,),
        optimiser="muon",
        learning_rate=4e-3,
        steps=2000,
        count_log_odds_start=0.0,
        count_anneal_steps=600,
    ),
    "paper": dict(
        cell="lstm",
        cell_widths=(256,),
        glimpse=20,
        encoder_widths=(200,),
        decoder_widths=(200,),
        estimator="nvil",
        steps=100_000,
        learning_rate=1e-4,
        warmup_steps=0,
        decay="none",
        clip_norm=0.0,
    ),
    "objects-3d": _solids("objects-3d", max_objects=1, pixel_sd=0.1, steps=1500, batch_size=64),
    "tabletop": _solids("tabletop", max_objects=3, pixel_sd=0.2, steps=2000, batch_size=32, estimator="wake-sleep"),
}
"""What each preset changes."""


class Presets(Mapping[str, Config]):
    """The presets by name, each made when it is asked for, since entries are then imported."""

    def __getitem__(self, name: str) -> Config:
        """The preset called `name`; KeyError when there is none."""
        return Config().replace(**_PRESETS[name])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(_PRESETS)

    def __len__(self) -> int:
        """How many there are."""
        return len(_PRESETS)

    def __contains__(self, name: object) -> bool:
        """Whether there is one of this name."""
        return name in _PRESETS


PRESETS = Presets()
"""`default` is tuned for accuracy and reliability, `fast` for the least time; `paper` has the sizes, estimator and
optimiser of the paper."""


def preset(name: str) -> Config:
    """The preset called `name`; AttendError when there is none."""
    if name not in PRESETS:
        raise AttendError(f"preset: {name!r} is unknown; it must be one of {', '.join(PRESETS)}")
    return PRESETS[name]
