"""Unsupervised scene understanding: count, locate and describe the objects in images.

import attend

model = attend.fit(images)
scenes = model.infer(images)
print(scenes.counts, scenes.boxes)
"""

import importlib
from typing import TYPE_CHECKING, Any

from attend.config import PRESETS, Config, ModelConfig, TrainConfig
from attend.errors import AttendError

if TYPE_CHECKING:
    from attend.data import SceneData
    from attend.fitting import fit, load
    from attend.looking.finding import find
    from attend.model import Model
    from attend.scenes import Scenes

__all__ = [
    "PRESETS",
    "AttendError",
    "Config",
    "Model",
    "ModelConfig",
    "SceneData",
    "Scenes",
    "TrainConfig",
    "find",
    "fit",
    "load",
]

_LATE = {
    "Model": "attend.model",
    "SceneData": "attend.data",
    "Scenes": "attend.scenes",
    "find": "attend.looking.finding",
    "fit": "attend.fitting",
    "load": "attend.fitting",
}
"""Where the names live that need JAX, which is imported on first use so that `attend --help` is quick."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'attend' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
