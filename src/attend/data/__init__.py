"""Scenes to learn from: of digits, of shapes, of handwritten characters, or read from a scenes file or images."""

from attend.data.anything import as_images, dark_objects, taken
from attend.data.augment import FLIPS, Augment
from attend.data.colours import to_channels
from attend.data.compose import compose
from attend.data.composed import COMPOSE_OPTIONS
from attend.data.ground import Polarity, light_ground, polarity
from attend.data.images import in_channels, none_readable, read_images, read_paths
from attend.data.photographs import bundled_photographs, scenery
from attend.data.rules import Reading, Rules
from attend.data.scenes_file import SceneData
from attend.data.shuffled import ShuffledImages
from attend.data.sources import datasets, load, open_shuffled, open_stream
from attend.data.splits import DEFAULT_N, SPLITS, Split
from attend.data.sprites import COLOURS, SHAPES, SPRITE_OPTIONS, draw_sprites
from attend.data.stream import ImageStream, Piece
from attend.data.tabletop import draw_table
from attend.data.truth import ImageTruth, read_labels, read_truth, truth_beside, truth_of

__all__ = [
    "COLOURS",
    "COMPOSE_OPTIONS",
    "DEFAULT_N",
    "FLIPS",
    "SHAPES",
    "SPLITS",
    "SPRITE_OPTIONS",
    "Augment",
    "ImageStream",
    "ImageTruth",
    "Piece",
    "Polarity",
    "Reading",
    "Rules",
    "SceneData",
    "ShuffledImages",
    "Split",
    "as_images",
    "bundled_photographs",
    "compose",
    "dark_objects",
    "datasets",
    "draw_sprites",
    "draw_table",
    "in_channels",
    "light_ground",
    "load",
    "none_readable",
    "open_shuffled",
    "open_stream",
    "polarity",
    "read_images",
    "read_labels",
    "read_paths",
    "read_truth",
    "scenery",
    "taken",
    "to_channels",
    "truth_beside",
    "truth_of",
]
