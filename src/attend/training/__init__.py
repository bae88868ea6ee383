"""Train any loss on any pytree of arrays: one compiled loop, run folders, checkpoints that survive damage."""

from attend.training.checkpoint import Checkpoints
from attend.training.devices import Devices
from attend.training.loop import Advance, TrainState, make_advance, train
from attend.training.run_folder import RunFolder
from attend.training.streamed import streamed_advance

__all__ = [
    "Advance",
    "Checkpoints",
    "Devices",
    "RunFolder",
    "TrainState",
    "make_advance",
    "streamed_advance",
    "train",
]
