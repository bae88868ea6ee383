"""`FinderLooker`: a finder that looks at images of any size."""

from dataclasses import dataclass

from attend.data import Rules, SceneData
from attend.finding import Finder
from attend.scenes import Scenes

PART = (32, 32)
"""Height and width in pixels that stand for those of all images, which may have any."""


@dataclass(frozen=True)
class FinderLooker:
    """A finder, which looks at images of any size as they are.

    Attributes:
        finder: of `attend.finding`.
        rules: as of `Looker`. Images are never inverted for it: it tells objects from the background by itself.
    """

    finder: Finder
    rules: Rules | None = Rules(ground="dark")  # noqa: RUF009, it is frozen
    any_size = side_by_side = True

    @property
    def size(self) -> tuple[int, int, int]:
        """A part of an image that even small ones have, and the channels."""
        return (*PART, self.finder.channels)

    def fingerprint(self) -> str:
        """A digest of all that the finder has learned."""
        return self.finder.fingerprint()

    def look(self, piece: SceneData, *, several: bool) -> Scenes:
        """What `Finder.infer` finds, image by image."""
        names = piece.names or [None] * len(piece)
        return Scenes.concatenate(
            [self.finder.infer(image, name) for image, name in zip(piece.images, names, strict=True)]
        )
