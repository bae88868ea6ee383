"""The folder that one training owns: its configuration, curves and checkpoints."""

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attend.errors import AttendError
from attend.files import atomic_file, leftovers, locked
from attend.training.checkpoint import Checkpoints


class RunFolder:
    """`config.json`, `metrics.jsonl` (one row a line), `checkpoints/` and `tensorboard/` in one folder.

    `RunFolder(path)` opens a run that exists; `RunFolder.create` starts one.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Open a run; AttendError when there is none at `path`."""
        self.path = Path(path)
        self.checkpoints = Checkpoints(self.path / "checkpoints")
        if not self.path.is_dir():
            raise AttendError(f"{self.path}: no such run folder")
        if not self._config.is_file():
            raise AttendError(f"{self.path}: is not a run folder, it has no config.json")
        self._curves: Any = None
        self._is_locked = False

    @classmethod
    def create(cls, path: str | os.PathLike[str], config: Mapping[str, Any]) -> "RunFolder":
        """Start a run in a new or empty folder.

        Raises:
            AttendError: something is at `path` already, or it cannot be written.
        """
        path = Path(path)
        with _writing(path):
            cls.check_new(path)
            path.mkdir(parents=True, exist_ok=True)
            _replace(path / "config.json", json.dumps(config, indent=2) + "\n")
        return cls(path)

    @staticmethod
    def check_new(path: str | os.PathLike[str]) -> None:
        """Raise AttendError when there is something at `path` already; an empty folder will do."""
        path = Path(path)
        if (path / "config.json").exists():
            raise AttendError(f"{path}: holds a run already; go on with --resume or choose another folder")
        if path.is_dir() and set(path.iterdir()) - set(leftovers(path)):
            raise AttendError(f"{path}: is not empty; choose a new or an empty folder")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from training in the folder; inside a block of its own it does nothing.

        Raises:
            AttendError: another process is training in the folder, or it cannot be written.
        """
        if self._is_locked:
            yield
            return
        with _writing(self.path):
            file = (self.path / ".lock").open("a")
        with file, locked(file, f"{self.path}: another process is training in it; let it end, or stop it"):
            self._is_locked = True
            try:
                yield
            finally:
                self._is_locked = False

    def config(self) -> dict[str, Any]:
        """The stored configuration.

        Raises:
            AttendError: config.json is not a JSON object.
        """
        try:
            config = json.loads(self._config.read_text())
        except (ValueError, RecursionError) as error:
            raise AttendError(f"{self._config}: is not JSON ({error})") from error
        if not isinstance(config, dict):
            raise AttendError(f"{self._config}: must hold a JSON object, not a {type(config).__name__}")
        return config

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace the stored configuration, say after extending the number of steps."""
        with _writing(self.path):
            _replace(self._config, json.dumps(config, indent=2) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The logged rows, in order: numbers by name, or None, and always a `step`.

        A last line cut short by a crash is left out.

        Raises:
            AttendError: another line is no such row.
        """
        if not self._metrics.exists():
            return []
        try:
            rows = [json.loads(line) for line in self._metrics.read_text().split("\n")[:-1]]
        except (ValueError, RecursionError) as error:
            raise AttendError(f"{self._metrics}: has a line that is not JSON ({error})") from error
        for number, row in enumerate(rows, start=1):
            if not _is_row(row):
                raise AttendError(f"{self._metrics}: line {number} is no row of metrics, numbers by name with a step")
        return rows

    @contextmanager
    def recording(self, step: int) -> Iterator[float]:
        """Lock the folder and open it for `log` and `checkpoints.save`, continuing from `step`.

        Rows and checkpoints later than that are dropped, so the curves become those of an uninterrupted run.
        On leaving, everything has been written. Yields the seconds that the run has trained before.
        """
        from attend.training.curves import Curves  # tensorboardX takes long to load

        with self.locked():
            rows = [row for row in self.metrics() if row["step"] <= step]
            self.checkpoints.discard_after(step)
            with _writing(self.path):
                for path in leftovers(self.path):
                    path.unlink()
                _replace(self._metrics, "".join(json.dumps(row) + "\n" for row in rows))
                self._curves = Curves(self.path / "tensorboard", step)
            try:
                yield (rows[-1].get("seconds") if rows else None) or 0.0
            finally:
                try:
                    self.checkpoints.close()
                finally:
                    with suppress(OSError):  # a row that could not be written has been reported
                        self._curves.close()

    def log(self, row: Mapping[str, Any]) -> None:
        """Add a row, which has a `step`, to metrics.jsonl and the TensorBoard curves; only while recording.

        A NaN or infinite value is logged as null.
        """
        finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
        with _writing(self.path):
            with self._metrics.open("r+") as file:  # not made again where the folder has been deleted
                file.seek(0, os.SEEK_END)
                file.write(json.dumps(finite) + "\n")
            values = {name: value for name, value in finite.items() if name != "step" and value is not None}
            self._curves.add(int(row["step"]), values)

    @property
    def _config(self) -> Path:
        return self.path / "config.json"

    @property
    def _metrics(self) -> Path:
        return self.path / "metrics.jsonl"


def _is_row(row: Any) -> bool:
    """Whether a row holds finite numbers alone and a step."""
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return False
    numbers = [value for value in row.values() if value is not None]
    return all(type(value) in (int, float) and abs(value) <= sys.float_info.max for value in numbers)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AttendError(f"{path}: cannot be written ({error.strerror or error})") from error


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with atomic_file(path) as file:
        file.write(text.encode())
