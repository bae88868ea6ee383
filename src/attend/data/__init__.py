"""Scenes to learn from: composed from digits, read from a scenes file, or read from images."""

from attend.data.compose import compose
from attend.data.images import read_images
from attend.data.scenes_file import SceneData
from attend.data.sources import datasets, load
from attend.data.splits import COMPOSE_OPTIONS, DEFAULT_N, SPLITS, Split

__all__ = [
    "COMPOSE_OPTIONS",
    "DEFAULT_N",
    "SPLITS",
    "SceneData",
    "Split",
    "compose",
    "datasets",
    "load",
    "read_images",
]
