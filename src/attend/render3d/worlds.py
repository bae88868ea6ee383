"""Tables laid for an experiment, by name: what can stand on them, and from where they are seen."""

from collections.abc import Callable

from attend.registry import Registry
from attend.render3d.camera import Camera
from attend.render3d.table import TableRenderer

worlds: Registry[Callable[..., TableRenderer]] = Registry("world")
"""Worlds by name: each a function `(size, max_objects)` of the image's (height, width, 3) and the most objects."""


@worlds.register("objects-3d")
def objects_3d(size: tuple[int, int, int], max_objects: int = 1) -> TableRenderer:
    """A cube, a sphere or a cylinder, large, each of its own colour (paper, section 3.3, figure 8)."""
    return TableRenderer(
        size,
        max_objects,
        kinds=("cube", "sphere", "cylinder"),
        sizes=(0.36, 0.36),
        colours=((0.9, 0.3, 0.25), (0.3, 0.75, 0.35), (0.3, 0.45, 0.95)),
        camera=Camera(position=(0.0, -1.0, 1.1), target=(0.0, 0.0, 0.08)),
        width=0.6,
    )


@worlds.register("tabletop")
def tabletop(size: tuple[int, int, int], max_objects: int = 3) -> TableRenderer:
    """Mugs, plates and pans, of which one may hide another (paper, section 3.3, figure 9)."""
    return TableRenderer(
        size,
        max_objects,
        kinds=("mug", "plate", "pan"),
        sizes=(0.26, 0.26),
        colours=((0.85, 0.45, 0.3), (0.9, 0.9, 0.85), (0.35, 0.4, 0.5)),
        camera=Camera(position=(0.0, -1.15, 1.0), target=(0.0, 0.0, 0.0)),
        width=0.7,
    )
