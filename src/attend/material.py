"""What a training learns from: images in memory, or images streamed from files."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import optax
from jaxtyping import Float32, UInt8

from attend.data import SceneData, ShuffledImages
from attend.memory import as_text, available, of_host
from attend.training import Advance, Devices, make_advance, streamed_advance

SHARE = 0.8
"""Of the memory that there is, so much may be taken by images."""

COPIES, RECORD = 2, 1000
"""While files are read their pixels are there so often, and each takes so many bytes besides."""

SAMPLE_BYTES = 2**28
"""Of the images of a stream that are looked at after the training."""

Pixels = UInt8[np.ndarray, "_n _height _width _channel"] | Float32[np.ndarray, "_n _height _width _channel"]


@dataclass(frozen=True, eq=False)
class Material:
    """Images to learn from.

    Attributes:
        images: those in memory, or a few of those that are streamed, evenly spread.
        stream: where they come from, if they are not all in memory.
    """

    images: Pixels
    stream: ShuffledImages | None = None

    @classmethod
    def of(cls, images: "SceneData | ShuffledImages | Pixels") -> "Material":
        """The material that such images are; of a stream, the first files are read for it."""
        if isinstance(images, ShuffledImages):
            return cls(images.sample.images, images)
        return cls(images.images if isinstance(images, SceneData) else images)

    def __len__(self) -> int:
        """How many images there are; of a stream, files."""
        return len(self.images if self.stream is None else self.stream)

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    @property
    def held_bytes(self) -> int:
        """How much memory the images take all along, one byte a number."""
        return self.images.size

    @contextlib.contextmanager
    def advance(
        self, loss: Any, optimiser: optax.GradientTransformation, batch_size: int, seed: int, devices: Devices
    ) -> Iterator[Advance]:
        """Optimiser steps on batches of it, on these devices; the seed is that of the order of a stream."""
        if self.stream is None:
            yield make_advance(loss, optimiser, self.images, batch_size, devices)
            return
        stream = self.stream
        part = devices.part
        with streamed_advance(
            loss, optimiser, lambda step: stream.batches(batch_size, seed, step, part), batch_size, devices
        ) as advance:
            yield advance

    def some(self, n: int) -> Pixels:
        """At most n images: the first ones in memory; of a stream, evenly spread ones, and fewer if they are large."""
        if self.stream is None:
            return self.images[:n]
        return self.stream.some(max(1, min(n, SAMPLE_BYTES // self.images[0].nbytes)))


def too_large(images: ShuffledImages) -> str | None:
    """A line that says so if all pictures of these files need more memory than there is."""
    at_once = COPIES * images.whole_bytes + RECORD * len(images)
    for needed, there in ((at_once, of_host()), (images.whole_bytes, available())):
        if there is not None and needed > SHARE * there:
            return (
                f"all images together need some {as_text(needed)} of memory, and {as_text(int(SHARE * there))} may be "
                "used: they are streamed while the training goes on"
            )
    return None
