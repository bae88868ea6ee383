"""The fully specified renderers of the paper's 3D experiments: the worlds of `attend.render3d`, by name."""

from typing import Any

from attend.config import ModelConfig
from attend.p.renderer import renderers
from attend.render3d import TableRenderer, worlds


def _register(name: str) -> None:
    def renderer(config: ModelConfig, size: tuple[int, int, int], *, key: Any) -> TableRenderer:
        return worlds[name](size, config.max_objects)

    renderers.register(name)(renderer)


for name in worlds:
    _register(name)
