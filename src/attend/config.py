"""Every setting of a model and of its training, with the presets `paper` and `default`."""

import contextlib
import dataclasses
import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from attend.errors import AttendError

Section = TypeVar("Section")


@dataclass(frozen=True)
class ModelConfig:
    """p and q: sizes, priors and the kind of cell."""

    max_objects: int = 3
    """N, the most objects that a scene can have."""
    count: Literal["presence", "posterior"] = "presence"
    """What tells how many objects there are: 'presence' (what q has learned of it) or 'posterior' (how well p explains
    the image with the first 0, 1, 2, ... that q has found: surer where p is known)."""
    count_price: float = 0.0
    """Nats that each object must add to the bound for 'posterior' to count it: where p knows less of what is behind
    objects than of objects, as many as it cost in training."""
    count_passes: int = 1
    """Passes of q that 'posterior' has of an image, of modes and then of draws: each count has the one that explains
    the image best. Takes so many times as long."""
    cell: str = "glance"
    """The step of q: 'glance' (default), 'lstm' (AIR) or 'lstm-difference' (DAIR)."""
    cell_widths: tuple[int, ...] = (24, 48, 48)
    """Sizes inside the cell: channels of the three convolutions of 'glance', or the one size of an LSTM."""
    saliency: float = 0.0
    """How much 'glance' looks, before it has learned anything, to where most is unexplained; 0 for not at all."""
    renderer: str = "patch"
    """How p paints objects: 'patch', learned and added up, 'alpha', learned and hiding what is behind, 'flat', the same
    in one colour each, or a world of solids: 'objects-3d' or 'tabletop'."""
    background: str = "none"
    """What is behind them: 'none', 'constant' (one colour) or 'learned' (uneven light and texture)."""
    background_code: int = 8
    """Numbers that tell an image's own background, where it is learned."""
    background_scale: float = 1.0
    """Size of what a learned background is made of, in usual sizes of an object: smaller only where none could pass for
    a part of it, as thin strokes before a landscape."""
    background_corrections: int = 0
    """Times that q corrects its guess of that code by what it leaves unexplained: for long codes."""
    what: int = 50
    """Numbers in an object's appearance code."""
    glimpse: int = 24
    """Side in pixels of the crop that q looks at and of the patch that p paints."""
    scale: float = 0.45
    """Prior median of an object's size, as a fraction of the image's shorter side."""
    scale_sd: float = 0.2
    """Prior standard deviation of the logarithm of that size."""
    scale_reach: float = 0.0
    """Sizes that q proposes are within so many of these deviations; 0 for any size."""
    place_sd: float = 0.6
    """Prior standard deviation of x and y, where the image reaches from -1 to 1."""
    pixel_sd: float = 0.3
    """Standard deviation of the pixel noise."""
    pixel_covariance: Literal["isotropic", "full"] = "isotropic"
    """Of that noise, over a pixel's channels: the same in each, or 'full': learned, of the same volume. In photographs
    light and shade vary more than colours do, and so what has a colour of its own stands out."""
    pixel_dof: float = 0.0
    """Degrees of freedom of its level, if that is each image's own: the fewer the more it varies; 0 for one level."""
    pixel_dof_parts: int = 1
    """So many by so many equal parts of an image have then each a level of its own."""
    encoder_widths: tuple[int, ...] = (256, 256)
    """Hidden layers of the glimpse encoder."""
    decoder_widths: tuple[int, ...] = (400,)
    """Hidden layers of the patch decoder."""
    decoder_bias: float = -2.0
    """Added before the decoder's sigmoid, so that patches start dark."""


@dataclass(frozen=True)
class TrainConfig:
    """The objective and the optimiser."""

    estimator: str = "exact"
    """'exact' (the count summed out), 'wake' (kinds too, and q's counts and kinds fitted to their posterior),
    'wake-sleep' (and yaws learned from what q itself draws), 'nvil' (the paper's score function with baseline) or 'iw'
    (importance-weighted)."""
    samples: int = 1
    """Passes per image in the importance-weighted bound; above 1 only with --train.estimator iw."""
    steps: int = 10_000
    """Optimiser steps."""
    batch_size: int = 64
    """Images a step."""
    learning_rate: float = 2e-3
    """Adam's learning rate for p and q, after the warm-up."""
    baseline_learning_rate: float = 1e-3
    """Adam's learning rate for the baseline of 'nvil'."""
    warmup_steps: int = 100
    """Steps over which the learning rate rises from 0."""
    decay: Literal["cosine", "none"] = "cosine"
    """What the learning rate does afterwards: fall to a hundredth along a cosine, or stay."""
    clip_norm: float = 10.0
    """Gradients longer than this are cut to it; 0 for never."""
    count_log_odds_start: float = 6.9
    """Prior log odds of one more object at step 0: in favour of objects, so that q learns to look for them."""
    count_log_odds_end: float = -13.8
    """The same at the end of the annealing: against objects, so that none is used twice."""
    count_anneal_steps: int = 2000
    """Steps from the one to the other."""
    corrections_from: int = 0
    """Step from which the corrections of the background are learned. If they are there before objects have been found,
    the background may take their place."""
    corrections_anneal_steps: int = 1000
    """Steps from none of them to all."""


@dataclass(frozen=True)
class Config:
    """Everything that, with the data and the seed, determines a run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    """The model."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """Its training."""

    def __post_init__(self):
        """Refuse what cannot be or contradicts itself, by name."""
        m, t = self.model, self.train
        positive = {
            "model.max_objects": m.max_objects,
            "model.count_passes": m.count_passes,
            "model.what": m.what,
            "model.background_code": m.background_code,
            "model.background_scale": m.background_scale,
            "model.glimpse": m.glimpse,
            "model.scale": m.scale,
            "model.scale_sd": m.scale_sd,
            "model.place_sd": m.place_sd,
            "model.pixel_sd": m.pixel_sd,
            "model.pixel_dof_parts": m.pixel_dof_parts,
            "train.samples": t.samples,
            "train.steps": t.steps,
            "train.batch_size": t.batch_size,
            "train.learning_rate": t.learning_rate,
            "train.baseline_learning_rate": t.baseline_learning_rate,
            "train.count_anneal_steps": t.count_anneal_steps,
            "train.corrections_anneal_steps": t.corrections_anneal_steps,
        }
        for name, value in positive.items():
            if not 0 < value < math.inf:
                raise AttendError(f"{name}: is {value}; it must be above 0 and finite")
        for name, value in {
            "model.scale_reach": m.scale_reach,
            "model.pixel_dof": m.pixel_dof,
            "model.count_price": m.count_price,
            "model.background_corrections": m.background_corrections,
            "train.corrections_from": t.corrections_from,
            "train.warmup_steps": t.warmup_steps,
            "train.clip_norm": t.clip_norm,
        }.items():
            if not 0 <= value < math.inf:
                raise AttendError(f"{name}: is {value}; it must be 0 or more and finite")
        unbounded = {
            "model.saliency": m.saliency,
            "model.decoder_bias": m.decoder_bias,
            "train.count_log_odds_start": t.count_log_odds_start,
            "train.count_log_odds_end": t.count_log_odds_end,
        }
        for name, value in unbounded.items():
            if not math.isfinite(value):
                raise AttendError(f"{name}: is {value}; it must be finite")
        for name in ("cell_widths", "encoder_widths", "decoder_widths"):
            widths = getattr(m, name)
            if not widths or min(widths) < 1:
                raise AttendError(f"model.{name}: is {widths}; it must be one or more sizes, each 1 or more")
        if t.warmup_steps >= t.steps:
            raise AttendError(f"train.warmup_steps: is {t.warmup_steps}; it must be below train.steps, {t.steps}")
        last = t.steps - t.corrections_anneal_steps
        if m.background_corrections and t.corrections_from > last:
            raise AttendError(
                f"train.corrections_from: is {t.corrections_from}; it must be at most train.steps less "
                f"train.corrections_anneal_steps, {last}, so that corrections are whole at the end"
            )
        if t.samples > 1 and t.estimator != "iw":
            raise AttendError(f"train.samples: is {t.samples}, which needs train.estimator 'iw', not {t.estimator!r}")

    @classmethod
    def from_dict(cls, values: Any) -> "Config":
        """The inverse of `dataclasses.asdict`; AttendError naming a field that is unknown or of a wrong type."""
        sections = {"model": ModelConfig, "train": TrainConfig}
        _known("config", values, sections)
        return cls(**{name: _section(name, kind, values.get(name, {})) for name, kind in sections.items()})

    def replace(self, **settings: Any) -> "Config":
        """A copy with some settings changed, each by the name of its field, such as `steps=100`.

        Raises:
            AttendError: a setting is unknown, of a wrong type or out of range.
        """
        sections = dataclasses.asdict(self)
        for name, value in settings.items():
            owners = [section for section in sections.values() if name in section]
            if not owners:
                known = ", ".join(known for section in sections.values() for known in section)
                raise AttendError(f"{name}: is no setting; the settings are {known}")
            owners[0][name] = value
        return Config.from_dict(sections)


def _solids(
    world: str, max_objects: int, pixel_sd: float, steps: int, batch_size: int, estimator: str = "wake"
) -> Config:
    """A preset whose renderer is fully specified: a step takes long, but few are needed."""
    return Config(
        ModelConfig(
            max_objects=max_objects,
            count="posterior",
            cell_widths=(32, 64, 64),
            saliency=3.0,
            renderer=world,
            pixel_sd=pixel_sd,
        ),
        TrainConfig(
            estimator=estimator,
            steps=steps,
            batch_size=batch_size,
            warmup_steps=50,
            count_log_odds_end=0.0,
            count_anneal_steps=steps // 5,
        ),
    )


PRESETS: dict[str, Config] = {
    "default": Config(),
    "paper": Config(
        ModelConfig(
            cell="lstm",
            cell_widths=(256,),
            glimpse=20,
            encoder_widths=(200,),
            decoder_widths=(200,),
        ),
        TrainConfig(
            steps=100_000,
            learning_rate=1e-4,
            warmup_steps=0,
            decay="none",
            clip_norm=0.0,
            estimator="nvil",
        ),
    ),
    "objects-3d": _solids("objects-3d", max_objects=1, pixel_sd=0.1, steps=1500, batch_size=64),
    "tabletop": _solids("tabletop", max_objects=3, pixel_sd=0.2, steps=2000, batch_size=32, estimator="wake-sleep"),
}
"""`default` is tuned for speed and reliability; `paper` has the sizes, estimator and optimiser of the paper."""


def preset(name: str) -> Config:
    """The preset called `name`; AttendError when there is none."""
    if name not in PRESETS:
        raise AttendError(f"preset: {name!r} is unknown; it must be one of {', '.join(PRESETS)}")
    return PRESETS[name]


def _fields(section: Any) -> list[str]:
    return [f.name for f in dataclasses.fields(section)]


def _section(where: str, kind: type[Section], values: Any) -> Section:
    _known(where, values, _fields(kind))
    hints = get_type_hints(kind)
    return kind(**{name: _value(f"{where}.{name}", hints[name], value) for name, value in values.items()})


def _known(where: str, values: Any, names: Any) -> None:
    if not isinstance(values, Mapping):
        raise AttendError(f"{where}: is {values!r}; it must be an object of settings")
    for name in values:
        if name not in names:
            raise AttendError(f"{where}.{name}: is no setting; the settings are {', '.join(names)}")


def _value(where: str, hint: Any, value: Any) -> Any:
    choices = get_args(hint)
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
    if value not in choices:
        raise AttendError(f"{where}: is {value!r}; it must be one of {', '.join(choices)}")
    return value
