"""What a person sees while a training runs."""

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """A progress bar on stderr; where that is not a terminal, a line every `quiet` seconds and at the end.

    It shows the step, the ELBO (the loss, when a row has no `elbo`), the newest `count_accuracy` if there has
    been one, images a second and the time left.
    """

    def __init__(self, start: int, steps: int, *, show: bool = True, quiet: float = 10.0):
        """From step `start` to step `steps`; nothing at all unless `show`."""
        self._console = Console(stderr=True, quiet=not show)
        self._bar = Bar(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not (show and self._console.is_terminal),
        )
        self._start, self._steps, self._quiet = start, steps, quiet
        self._task = self._bar.add_task("compiling", total=steps, completed=start)
        self._started = self._spoken = time.monotonic()
        self._accuracy: float | None = None

    def __enter__(self) -> "Progress":
        """Start to draw."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last picture in place."""
        self._bar.stop()

    def update(self, row: Mapping[str, float | int]) -> None:
        """Show a row of metrics."""
        self._accuracy = row.get("count_accuracy", self._accuracy)
        text = f"ELBO {row['elbo']:.1f}" if "elbo" in row else f"loss {row['loss']:.4g}"
        if self._accuracy is not None:
            text += f"  count accuracy {self._accuracy:.1%}"
        text += f"  {row['images_per_second']:,.0f} images/s"
        step, now = int(row["step"]), time.monotonic()
        self._bar.update(self._task, completed=step, description=text)
        if self._bar.disable and (now - self._spoken >= self._quiet or step == self._steps):
            self._spoken = now
            left = (now - self._started) * (self._steps - step) / (step - self._start)
            self._console.print(
                f"step {step:,}/{self._steps:,}  {text}  {left:.0f} s left", highlight=False, soft_wrap=True
            )
