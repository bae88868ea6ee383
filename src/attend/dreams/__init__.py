"""p of fields of many objects: cut-outs of objects put before backgrounds, with the truth about where they are.

Images, lengths and sizes are in *natural* units here: the usual object is `NATURAL` pixels wide and its contrast with
the background is 1, whatever it is in a file (`attend.photometry` brings images there).
"""

from attend.dreams.arrangement import AREA, OVERLAPS, Arrangement, any_arrangement
from attend.dreams.backgrounds import any_background
from attend.dreams.compose import BEYOND, Dream, compose
from attend.dreams.cutouts import SIDE, WIDTH, CutOuts
from attend.dreams.ellipses import ellipses, radii
from attend.dreams.shapes import FAMILY, draw_shapes
from attend.dreams.targets import Targets, targets
from attend.dreams.universal import universal_example

__all__ = [
    "AREA",
    "BEYOND",
    "FAMILY",
    "OVERLAPS",
    "SIDE",
    "WIDTH",
    "Arrangement",
    "CutOuts",
    "Dream",
    "Targets",
    "any_arrangement",
    "any_background",
    "compose",
    "draw_shapes",
    "ellipses",
    "radii",
    "targets",
    "universal_example",
]
