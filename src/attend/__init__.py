"""Unsupervised scene understanding: count, locate and describe the objects in images.

import attend

model = attend.fit(images)
scenes = model.infer(images)
print(scenes.counts, scenes.boxes)
"""

from attend.config import PRESETS, Config, ModelConfig, TrainConfig
from attend.data import SceneData
from attend.errors import AttendError
from attend.fit import fit, load
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
    "fit",
    "load",
]
