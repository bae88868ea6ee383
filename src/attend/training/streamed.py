"""The training loop over batches that the host reads while the device computes."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from attend.training.devices import ONE, Devices
from attend.training.loop import Advance, Loss, TrainState, is_finite, take_step

Batches = Callable[[int], Generator[PyTree, None, None]]
"""`batches(step)`: the batches of that step, of the next one, and so on without end, each a function of its step. Of
several processes, each is given its own part of them."""

TOGETHER, TOGETHER_BYTES = 100, 2**23
"""Batches that are sent to the device at once: fewer if they are larger than that together, but at least one."""


@contextmanager
def streamed_advance(
    loss_fn: Loss,
    optimiser: optax.GradientTransformation,
    batches: Batches,
    batch_size: int,
    devices: Devices = ONE,
) -> Iterator[Advance]:
    """As `make_advance`, on batches that come from the host, of which there may be more than memory holds.

    Some batches at a time are sent to the device, which takes a step on each in one compiled loop; meanwhile the next
    ones are gathered. The results are the same bit for bit however the steps are cut into calls and batches are sent
    together, and whatever step the training begins at.

    Args:
        loss_fn: `loss_fn(params, batch, key, step) -> (loss, metrics)`.
        optimiser: an optax transformation.
        batches: where they come from; what it gives is closed at the end.
        batch_size: examples in a batch.
        devices: those that share each batch equally. Each process reads `Devices.part` of every batch.
    """
    with closing(_Feed(batches, devices)) as feed:
        yield Advance(_Loop(loss_fn, optimiser, feed, devices), None, batch_size)


@dataclass(frozen=True)
class _Chunk:
    """Batches on the device, one after another, and the step of the first."""

    first: int
    length: int
    batches: PyTree[Array]


class _Feed:
    """Chunks in their order, the next of which is sent ahead."""

    def __init__(self, batches: Batches, devices: Devices):
        self._batches, self._devices = batches, devices
        self._source: Generator[PyTree, None, None] | None = None
        self._chunks: list[_Chunk] = []

    def at(self, step: int) -> _Chunk:
        """The chunk with the batch of a step. It is best asked for step by step."""
        self._chunks = [chunk for chunk in self._chunks if step < chunk.first + chunk.length]
        if not self._chunks or step < self._chunks[0].first:
            self.close()
            self._source, self._chunks = self._batches(step), []
            self._send(step)
        return self._chunks[0]

    def send_ahead(self) -> None:
        """Gather the chunk after this one, unless it is there already."""
        if len(self._chunks) < 2:
            self._send(self._chunks[-1].first + self._chunks[-1].length)

    def _send(self, first: int) -> None:
        assert self._source is not None
        batch = next(self._source)
        size = sum(leaf.nbytes for leaf in jax.tree.leaves(batch))
        length = max(1, min(TOGETHER, TOGETHER_BYTES // size))
        together = jax.tree.map(lambda *leaves: np.stack(leaves), batch, *islice(self._source, length - 1))
        self._chunks.append(_Chunk(first, length, self._devices.batches(together)))

    def close(self) -> None:
        """Stop reading."""
        if self._source is not None:
            self._source.close()


class _Loop:
    """Steps on the chunks of a feed."""

    def __init__(self, loss_fn: Loss, optimiser: optax.GradientTransformation, feed: _Feed, devices: Devices):
        self._feed = feed
        self._step = jax.jit(partial(take_step, loss_fn, optimiser))  # so that it is traced once, for shapes and loop
        self._run = jax.jit(partial(_run, self._step, devices), donate_argnums=(0, 4))

    def __call__(self, state: TrainState, _: None, steps: np.ndarray) -> tuple[TrainState, dict[str, Array]]:
        step = int(state.step)
        end, finite = step + int(steps), np.array(True)
        sums = self._zeros(state, self._feed.at(step))
        while True:
            chunk = self._feed.at(step)
            step = min(end, chunk.first + chunk.length)
            state, finite, means, sums = self._run(
                state, chunk.batches, np.int32(chunk.first), np.int32(step), sums, finite, steps
            )
            self._feed.send_ahead()  # while the device computes
            if step == end:
                return state, means
            jax.block_until_ready(finite)  # or chunks would pile up before the device

    def _zeros(self, state: TrainState, chunk: _Chunk) -> dict[str, np.ndarray]:
        batch = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), chunk.batches)
        _, shapes = jax.eval_shape(self._step, state, batch, state.key)
        return jax.tree.map(lambda shape: np.zeros(shape.shape, shape.dtype), shapes)


def _run(
    one_step: Callable[..., tuple[TrainState, dict[str, Array]]],
    devices: Devices,
    state: TrainState,
    batches: PyTree[Array],
    first: Array,
    end: Array,
    sums: dict[str, Array],
    finite: Array,
    steps: Array,
) -> tuple[TrainState, Array, dict[str, Array], dict[str, Array]]:
    """Steps up to `end` on a chunk that begins at `first`: state, whether all is finite, means over steps, and sums."""
    noise_key, _ = jax.random.split(state.key)

    def unfinished(carry: tuple) -> Array:
        state, _, finite = carry
        return finite & (state.step < end)

    def body(carry: tuple) -> tuple:
        state, sums, _ = carry
        place = state.step - first
        batch = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, place, keepdims=False), batches)
        state, metrics = one_step(state, devices.divided(batch), noise_key)
        return state, jax.tree.map(jnp.add, sums, metrics), is_finite(metrics)

    state, sums, finite = jax.lax.while_loop(unfinished, body, (state, sums, finite))
    means = jax.tree.map(lambda total: total / jnp.maximum(steps, 1), sums)
    means |= {"finite": finite & jnp.isfinite(optax.tree.norm(state.params))}
    return devices.undivided((state, finite, means, sums))
