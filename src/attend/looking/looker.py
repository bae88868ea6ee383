"""What looks: it turns a piece of images into `Scenes`."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import jax

from attend.data import Rules, SceneData
from attend.files import digest
from attend.fitting import load, reading_of
from attend.model import Model
from attend.scenes import Scenes
from attend.tiling import infer_tiled


@runtime_checkable
class Looker(Protocol):
    """Something that finds the objects in images."""

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that it takes."""
        ...

    @property
    def any_size(self) -> bool:
        """Whether it takes images of any height and width; those of `size` are then a typical part of one."""
        ...

    @property
    def side_by_side(self) -> bool:
        """Whether it looks at several pieces in the time of one."""
        ...

    @property
    def rules(self) -> Rules | None:
        """How files are to be read for it; None leaves it open."""
        ...

    def fingerprint(self) -> str:
        """A digest that tells it from every other looker that would find something else."""
        ...

    def look(self, piece: SceneData, *, several: bool) -> Scenes:
        """What is in the images of a piece, all of which have one size.

        Args:
            piece: at least one image.
            several: whether there are other pieces, so that it pays to compile a program that serves them all.

        Raises:
            AttendError: it cannot look at such images; the line need not say which they are.
        """
        ...


@dataclass(frozen=True)
class ModelLooker:
    """A model that looks at images of the size that it knows.

    Attributes:
        model: of `attend.fit` or `attend.load`.
        rules: as of `Looker`.
    """

    model: Model
    rules: Rules | None = None
    any_size = side_by_side = False

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that it takes."""
        return self.model.size

    def fingerprint(self) -> str:
        """A digest of the model's settings and parameters."""
        return digest(repr(self.model.config), jax.tree.leaves(self.model))

    def look(self, piece: SceneData, *, several: bool) -> Scenes:
        """What `Model.infer` finds."""
        return self.model.infer(piece.images, filled=several, names=piece.names)


@dataclass(frozen=True)
class TiledLooker(ModelLooker):
    """A model that looks at larger images in overlapping tiles of the size that it knows (`infer_tiled`)."""

    any_size = True

    def look(self, piece: SceneData, *, several: bool) -> Scenes:
        """What `infer_tiled` finds."""
        return infer_tiled(self.model, piece.images, names=piece.names)


FINDER = "finder.npz"
"""The name of a finder's file in the folder of its run."""


def finder_file(run: str | os.PathLike[str]) -> Path | None:
    """The file of the finder of a run, if it is one of a finder."""
    path = Path(run) / FINDER
    return path if path.is_file() else None


def looker_of(run: str | os.PathLike[str], *, tiled: bool = False) -> Looker:
    """What a run has learned, which reads files as those of the run were read.

    It is the model of a run folder, or of a file written by `Model.save`; or the finder of a folder that `find_into`
    made.

    With `tiled` it looks at images in overlapping tiles. It follows no rule of the run by which images were resized or
    cropped then.

    Raises:
        AttendError: there is no such model, or it is damaged.
    """
    if (file := finder_file(run)) is not None:
        from attend.finding import Finder  # slow to import
        from attend.looking.finder_looker import FinderLooker

        return FinderLooker(Finder.load(file))
    model, reading = load(run), reading_of(run)
    rules = None if reading is None else reading.rules.for_inference()
    if not tiled:
        return ModelLooker(model, rules)
    return TiledLooker(model, rules and dataclasses.replace(rules, resize=None, crop=None))
