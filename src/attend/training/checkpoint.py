"""Checkpoints: atomic, asynchronous, and checked against damage when they are read back."""

import hashlib
import json
import math
import os
import re
import shutil
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from attend.errors import AttendError
from attend.training.leaves import like, raw


class Checkpoints:
    """The newest few checkpoints of one training, in a folder that orbax writes.

    A checkpoint is the bytes of all leaves (a random key as its key data) beside a JSON index of their paths,
    dtypes and shapes, with a SHA-256 digest of it all. Nothing is ever unpickled.
    """

    def __init__(self, folder: Path, keep: int = 3):
        """Nothing is read or written yet; `folder` need not exist."""
        self.folder = folder
        self.keep = keep
        self._manager: Any = None

    def steps(self) -> list[int]:
        """The steps that have a finished checkpoint, ascending."""
        with self._writing():
            self._wait()
        if not self.folder.is_dir():
            return []
        return sorted(int(entry.name) for entry in self.folder.iterdir() if re.fullmatch("[0-9]+", entry.name))

    def save(self, step: int, state: PyTree) -> None:
        """Copy the state's leaves and write them in the background; the oldest surplus checkpoint goes.

        Raises:
            AttendError: this or an earlier checkpoint could not be written.
        """
        ocp = _orbax()
        content, index = _pack({name: raw(leaf) for name, leaf in _named_leaves(state).items()})
        args = ocp.args.Composite(state=ocp.args.PyTreeSave({"bytes": content}), index=ocp.args.JsonSave(index))
        with self._writing():
            self._open().save(step, args=args)

    def restore_latest(self, template: PyTree) -> PyTree:
        """The newest checkpoint that is whole, as a pytree like `template`.

        A damaged checkpoint is passed over with a warning.

        Raises:
            AttendError: there is no checkpoint, none is whole, or it does not fit the template.
        """
        steps = self.steps()
        if not steps:
            raise AttendError(f"{self.folder}: holds no checkpoint; was the training stopped before its first?")
        for step in reversed(steps):
            try:
                leaves = self._read(step)
            except Exception as error:  # whatever orbax meets in a damaged file
                reason = textwrap.shorten(f"{type(error).__name__}: {error}", 160)
                warnings.warn(f"{self.folder / str(step)}: damaged checkpoint, skipped ({reason})", stacklevel=2)
            else:
                return self._fit(step, leaves, template)
        raise AttendError(f"{self.folder}: every checkpoint is damaged (steps {', '.join(map(str, steps))})")

    def discard_after(self, step: int) -> None:
        """Delete the checkpoints that are later than `step`."""
        for later in [saved for saved in self.steps() if saved > step]:
            with self._writing():
                self._open().delete(later)

    def close(self) -> None:
        """Wait for the writing to end and free orbax's threads; a later `save` starts them again."""
        manager, self._manager = self._manager, None
        if manager is not None:
            try:
                with self._writing():
                    manager.close()
            finally:
                for unfinished in self.folder.glob("*.orbax-checkpoint-tmp"):
                    shutil.rmtree(unfinished, ignore_errors=True)

    def _open(self) -> Any:
        if self._manager is None:
            ocp = _orbax()
            self.folder.mkdir(parents=True, exist_ok=True)  # of several processes orbax would let none make it
            options = ocp.CheckpointManagerOptions(
                preservation_policy=ocp.checkpoint_managers.LatestN(self.keep),
                cleanup_tmp_directories=True,
                lightweight_initialize=True,
                multiprocessing_options=_alone(),
                create=False,
            )
            self._manager = ocp.CheckpointManager(self.folder.absolute(), options=options)
        return self._manager

    def _wait(self) -> None:
        if self._manager is not None:
            self._manager.wait_until_finished()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # orbax hands on whatever its threads met: a full disk, a vanished folder
            code = re.search(r"os_error_code='(\d+)'", str(error))  # at the end of a long line of TensorStore's
            said = os.strerror(int(code[1])) if code else getattr(error, "strerror", None)
            reason = said or textwrap.shorten(str(error), 160)
            raise AttendError(f"{self.folder}: cannot write a checkpoint ({reason})") from error

    def _read(self, step: int) -> dict[str, np.ndarray]:
        ocp = _orbax()
        handler = ocp.CompositeCheckpointHandler()
        with ocp.Checkpointer(handler, multiprocessing_options=_alone()) as reader:
            args = ocp.args.Composite(state=ocp.args.PyTreeRestore(), index=ocp.args.JsonRestore())
            saved = reader.restore(self.folder.absolute() / str(step), args=args)
        return _unpack(saved["state"]["bytes"], saved["index"])

    def _fit(self, step: int, leaves: dict[str, np.ndarray], template: PyTree) -> PyTree:
        """Put leaves in the template's places. The digest vouched for them: a misfit is not damage."""
        expected = _named_leaves(template)
        for name in sorted(expected.keys() | leaves.keys()):
            found = _describe(leaves[name]) if name in leaves else "missing"
            wanted = _describe(raw(expected[name])) if name in expected else "absent"
            if found != wanted:
                raise AttendError(
                    f"{self.folder / str(step)}: {name} is {found}, but this model needs it {wanted}; "
                    "was the run made with another configuration?"
                )
        restored = [like(jnp.array(leaves[name]), leaf) for name, leaf in expected.items()]
        return jax.tree.unflatten(jax.tree.structure(template), restored)


def _orbax() -> ModuleType:
    """Orbax, without its commentary, which repeats what it raises; imported here because it takes long."""
    from absl import logging
    from orbax import checkpoint

    logging.set_verbosity(logging.FATAL)
    return checkpoint


def _alone() -> Any:
    """Orbax's option for a process that reads and writes by itself, whether or not it computes with others."""
    process = jax.process_index()
    prefix = f"process-{process}" if jax.process_count() > 1 else None
    active = {process} if jax.process_count() > 1 else None
    return _orbax().options.MultiprocessingOptions(process, active, prefix)


def _pack(leaves: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
    """One array of all the bytes, and the index to find the leaves and prove them whole.

    One array, because orbax spills pages of tracebacks when one of many concurrent reads meets damage.
    """
    content = np.frombuffer(b"".join(leaf.tobytes() for leaf in leaves.values()), np.uint8)
    index = [{"name": name, "dtype": str(leaf.dtype), "shape": list(leaf.shape)} for name, leaf in leaves.items()]
    return content, {"leaves": index, "sha256": _digest(content, index)}


def _unpack(content: np.ndarray, index: dict[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `_pack`; ValueError where the digest does not match."""
    if _digest(content, index["leaves"]) != index["sha256"]:
        raise ValueError("its SHA-256 digest does not match")
    leaves, start = {}, 0
    for entry in index["leaves"]:
        dtype = jnp.dtype(entry["dtype"])
        end = start + math.prod(entry["shape"]) * dtype.itemsize
        leaves[entry["name"]] = content[start:end].copy().view(dtype).reshape(entry["shape"])
        start = end
    return leaves


def _digest(content: np.ndarray, index: list[dict[str, Any]]) -> str:
    digest = hashlib.sha256(json.dumps(index).encode())
    digest.update(content.data)
    return digest.hexdigest()


def _named_leaves(tree: PyTree) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def _describe(raw: np.ndarray) -> str:
    return f"{raw.dtype}[{','.join(map(str, raw.shape))}]"
