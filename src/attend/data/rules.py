"""How files of images are to be read, and the record of how they were."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, no_type_check

from attend.data.ground import Polarity
from attend.errors import AttendError

SIZES = ("resize", "crop", "tile")
"""The rules that give images of several sizes one size; no more than one of them is followed."""

GROUNDS = ("dark", "light")

PROJECTIONS = ("max", "mean", "none")

LATER = ("channel", "project")
"""Rules that runs of before did not keep."""


@no_type_check  # the checks below say more, in one line
@dataclass(frozen=True)
class Rules:
    """How files become images of one size and of one range. What is None is found out from the files.

    Attributes:
        resize: height and width in pixels to which every image is resampled.
        crop: height and width in pixels of the part cut out of the centre of every image.
        tile: height and width in pixels of the tiles, without overlap and from the top left corner on, into which
            every image is cut; what is left at the right and at the bottom is not used.
        range: the values that become black and white in images of more than 8 bits; if None, the 0.1th and the
            99.9th percentile of all of them. Images of 8 bits keep their values.
        ground: `dark` takes images as they are; `light` inverts them, so that dark objects become bright ones on
            dark ground, which is what a model paints on. If None, `light_ground` tells.
        channel: the channel that is read from files of several, by its name in the file or its number from 0; of a
            picture in colours also `red`, `green` or `blue`. If None, pictures in colours stay so, and of other files
            of several channels the first is read. A file of one channel is read whatever this says.
        project: what becomes of a stack of planes along z: its maximum (`max`) or mean (`mean`) at each pixel, or an
            image of each plane (`none`).
        strict: a file that cannot be read is an error; else it is skipped with a warning.

    Raises:
        AttendError: a rule is out of range, or two contradict each other.
    """

    resize: tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    tile: tuple[int, int] | None = None
    range: tuple[float, float] | None = None
    ground: str | None = None
    channel: str | int | None = None
    project: str = "max"
    strict: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self):
        """Check every rule, then that they agree."""
        given = [name for name in SIZES if getattr(self, name) is not None]
        if len(given) > 1:
            raise AttendError(f"{given[1]}: is given beside {given[0]}; give one of {', '.join(SIZES)}")
        for name in given:
            if min(getattr(self, name)) < 1:
                height, width = getattr(self, name)
                raise AttendError(f"{name}: is {height} {width}; height and width must be 1 or more")
        if self.range is not None:
            low, high = map(float, self.range)
            object.__setattr__(self, "range", (low, high))
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise AttendError(f"range: is {low:g} {high:g}; it must be finite, the lower value first")
        if self.ground not in (None, *GROUNDS):
            raise AttendError(f"ground: is {self.ground!r}; it must be {' or '.join(GROUNDS)}")
        if self.channel is not None:
            object.__setattr__(self, "channel", str(self.channel))
            if not self.channel:
                raise AttendError("channel: is empty; it must be a number from 0 on, or a name")
        if self.project not in PROJECTIONS:
            raise AttendError(f"project: is {self.project!r}; it must be one of {', '.join(PROJECTIONS)}")

    def changed(self, **rules: Any) -> "Rules":
        """A copy with some rules changed; a rule for the size takes the place of another one."""
        if any(rules.get(name) is not None for name in SIZES):
            rules = dict.fromkeys(SIZES) | rules
        return dataclasses.replace(self, **rules)

    def for_inference(self) -> "Rules":
        """The same for images to infer from, which are never cut into tiles and whose files may be other ones."""
        return dataclasses.replace(self, tile=None, strict=False)


@dataclass(frozen=True)
class Reading:
    """How files became images.

    Attributes:
        rules: those that were followed: `ground` is decided, and so is `range` where it mattered. Read by them,
            other files become images of the same kind.
        skipped: a line for each file that could not be read, with its name and the reason.
        polarity: what was found of it, where the rules left the ground open.
        chosen: a line for each choice that was made for the user, such as which channel is read.
    """

    rules: Rules
    skipped: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    polarity: Polarity | None = dataclasses.field(default=None, compare=False)
    chosen: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def noting(self, *lines: str) -> "Reading":
        """The same with more lines on what was chosen; each stands once."""
        return dataclasses.replace(self, chosen=tuple(dict.fromkeys((*self.chosen, *lines))))

    def notes(self) -> list[str]:
        """What was done to the pixels beyond reading them, each in a line; none for dark images of 8 bits."""
        notes = list(self.chosen)
        told = "" if self.polarity is None else f" (confidence {self.polarity.confidence:.1f})"
        if self.rules.ground == "light":
            notes.append(
                f"objects are darker than the background{told}: images are inverted; --ground dark leaves them"
            )
        elif self.polarity is not None and not self.polarity.sure:
            notes.append(
                f"it is unclear whether objects are brighter or darker than the background{told}: images are taken as "
                "they are; --ground light inverts them, --ground dark says that this is right"
            )
        if self.rules.range is not None:
            low, high = self.rules.range
            notes.append(f"pixels of more than 8 bits: {low:g} becomes black, {high:g} white (--range LO HI)")
        if self.skipped:
            notes.append(f"{len(self.skipped):,} unreadable skipped (--strict stops at the first)")
        return notes

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it."""
        return dataclasses.asdict(self.rules) | {"skipped": list(self.skipped)}  # the rest only says what was done

    @classmethod
    def from_dict(cls, values: Any) -> "Reading":
        """The inverse of `to_dict`.

        Raises:
            AttendError: the values are not those of a reading.
        """
        names = [field.name for field in dataclasses.fields(Rules)]
        if not isinstance(values, Mapping) or {*values, *LATER} != {*names, "skipped"}:
            raise AttendError(f"reading: must have {', '.join(names)} and skipped")
        try:
            pairs = {name: None if values[name] is None else _pair(values[name], int) for name in SIZES}
            bounds = None if values["range"] is None else _pair(values["range"], float)
            later = {name: values[name] for name in LATER if name in values}
            rules = Rules(**pairs, range=bounds, ground=values["ground"], **later, strict=bool(values["strict"]))
            return cls(rules, tuple(str(line) for line in values["skipped"]))
        except (TypeError, ValueError) as error:
            raise AttendError(f"reading: is damaged ({error})") from error


def _pair(values: Any, kind: type) -> tuple[Any, Any]:
    first, second = values
    return kind(first), kind(second)
