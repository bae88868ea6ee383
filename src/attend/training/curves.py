"""Training curves for TensorBoard."""

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]


class Curves:
    """An event file in a folder.

    It is written at once and not by a thread, as tensorboardX's own `SummaryWriter` does: when the disk is full that
    thread dies, and the training waits for it for ever.
    """

    def __init__(self, folder: Path, step: int):
        """Start a file that goes on after `step`; TensorBoard forgets what other files have of later ones."""
        folder.mkdir(exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        start = SessionLog(status=SessionLog.START)
        self._writer.write_event(Event(wall_time=time.time(), step=step + 1, session_log=start))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of a step; OSError when that cannot be done."""
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        self._writer.write_event(Event(wall_time=time.time(), step=step, summary=summary))
        self._writer.flush()

    def close(self) -> None:
        """Close the file; what could not be written is lost."""
        self._writer.close()
