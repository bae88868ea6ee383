"""What every experiment is given, its settings, and what it gives back, a report."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from matplotlib.figure import Figure

from attend.config import Config, preset
from attend.data import SceneData, load
from attend.registry import Registry

T = TypeVar("T")

QUICK_SCENES = {"canvas": 28, "size": (12, 14)}
"""How digits are composed in a quick run."""

QUICK_MODEL = {
    "cell_widths": (16, 24, 24),
    "what": 12,
    "glimpse": 12,
    "encoder_widths": (96,),
    "decoder_widths": (96,),
    "steps": 1500,
    "learning_rate": 3e-3,
    "count_anneal_steps": 600,
}
"""What a quick run changes in the preset `default`; a step takes a tenth of the time."""

QUICK_N = {"train": 8_000, "valid": 500, "test": 1_000}
"""Scenes in each split of a quick run."""


@dataclass(frozen=True)
class Settings:
    """What was asked for.

    Attributes:
        runs: folder of the trained models, one run folder each; finished ones are used again.
        quick: a smoke test of small images, small models and short trainings.
        data: where the digits come from: `digits`, `mnist` or `mnist:PATH`; for `real`, the folder of its sets.
        omniglot: a folder of Omniglot's zips; the cache of an earlier download if None.
        seeds: of the trainings; the experiment's own if None.
    """

    runs: Path
    quick: bool = False
    data: str = "digits"
    omniglot: Path | None = None
    seeds: tuple[int, ...] | None = None

    def choose(self, full: T, quick: T) -> T:
        """`quick` in a quick run, else `full`."""
        return quick if self.quick else full

    def seeds_or(self, full: Sequence[int]) -> tuple[int, ...]:
        """The seeds asked for, or else `full`; a quick run takes the first of those alone."""
        return self.seeds or tuple(full[:1] if self.quick else full)

    def scenes(self, split: str, *, seed: int = 0, **compose: Any) -> SceneData:
        """Scenes of digits, as many and as large as the run has them."""
        n, options = self.choose((None, {}), (QUICK_N[split], QUICK_SCENES))
        return load(self.data, split=split, n=n, seed=seed, **options, **compose)

    def config(self, **changes: Any) -> Config:
        """The preset `default` with an experiment's `changes`; a quick run has smaller networks and fewer steps."""
        return preset("default").replace(**(self.choose({}, QUICK_MODEL) | changes))


@dataclass(frozen=True)
class Table:
    """Rows of text under headings."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Check:
    """A number and the bound that it must keep: from below, or from above if `at_most`."""

    name: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def passed(self) -> bool:
        """Whether it does."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True)
class Report:
    """What an experiment found, and what it takes to find it again.

    Attributes:
        title: a line.
        seeds: of the trainings.
        tables: the numbers.
        figures: pictures by a short name, which becomes part of the file's.
        checks: numbers with the bounds that they should keep.
        notes: what a reader must know about how it was done, a sentence or two each.
        command: the command line.
        seconds: the time that everything took, earlier trainings of an interrupted reproduction included.
        date: of the end.
    """

    title: str
    seeds: tuple[int, ...]
    tables: Sequence[Table]
    figures: dict[str, Figure]
    checks: Sequence[Check]
    notes: Sequence[str] = ()
    command: str = ""
    seconds: float = 0.0
    date: datetime.date = field(default_factory=datetime.date.today)

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(check.passed for check in self.checks)


experiments: Registry[Callable[[Settings], Report]] = Registry("experiment")
"""Experiments by name: each a function of `Settings`."""
