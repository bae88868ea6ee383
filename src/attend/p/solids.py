"""The fully specified renderers of the paper's 3D experiments: the worlds of `attend.render3d`, by name."""

from functools import partial
from typing import Any

from attend.config import ModelConfig
from attend.p.renderer import renderers
from attend.render3d import TableRenderer, worlds
from attend.settings import Settings


def _laid(
    world: str, settings: Settings, config: ModelConfig, size: tuple[int, int, int], *, key: Any
) -> TableRenderer:
    return worlds[world](size, config.max_objects)


for _world in worlds:
    renderers.register(_world)(partial(_laid, _world))
