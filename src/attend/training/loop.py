"""The training loop: the device runs many steps per call, the host logs and saves between the calls."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int, Key, PyTree

from attend.errors import AttendError
from attend.training.devices import ONE, Devices, any_says
from attend.training.progress import Progress
from attend.training.run_folder import RunFolder

Loss = Callable[..., tuple[Array, dict[str, Array]]]
"""`loss_fn(params, batch, key, step) -> (loss, metrics)`; the loss and every metric are scalars."""


class TrainState(eqx.Module):
    """Everything that a training needs in order to go on: what a checkpoint holds."""

    params: PyTree[Array]
    opt_state: PyTree
    step: Int[Array, ""]
    key: Key[Array, ""]

    @classmethod
    def create(
        cls, params: PyTree[Array], optimiser: optax.GradientTransformation, key: Key[Array, ""]
    ) -> "TrainState":
        """The state at step 0. It owns copies, so that donating it leaves `params` and `key` usable."""
        state = cls(params, optimiser.init(params), jnp.zeros((), jnp.int32), key)
        # Of no weak type, as what is made of Python numbers has: steps give none back, and then the second call would
        # have to be compiled anew.
        return jax.tree.map(lambda leaf: jnp.array(leaf, leaf.dtype), state)


@dataclass(frozen=True)
class Advance:
    """`advance(state, steps)` takes that many optimiser steps; made by `make_advance` or `streamed_advance`."""

    run: Callable[..., tuple[TrainState, dict[str, Array]]]
    data: PyTree[Array]
    batch_size: int

    def __call__(self, state: TrainState, steps: int) -> tuple[TrainState, dict[str, Array]]:
        """Return the new state and the metrics averaged over the steps. `state` is donated: do not reuse it.

        Added to the loss function's metrics are `loss`, `gradient_norm` and `finite`, a bool. The first step
        whose loss or gradient is not finite ends the call, with a state that is then spoiled.
        """
        return self.run(state, self.data, np.asarray(steps, np.int32))


def take_step(
    loss_fn: Loss,
    optimiser: optax.GradientTransformation,
    state: TrainState,
    batch: PyTree,
    noise_key: Key[Array, ""],
) -> tuple[TrainState, dict[str, Array]]:
    """One optimiser step on a batch: the new state, and the metrics with `loss` and `gradient_norm`, as float32."""
    key = jax.random.fold_in(noise_key, state.step)
    gradient_of = jax.value_and_grad(loss_fn, has_aux=True)
    (loss, metrics), gradient = gradient_of(state.params, batch, key, state.step)
    updates, opt_state = optimiser.update(gradient, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = metrics | {"loss": loss, "gradient_norm": optax.tree.norm(gradient)}
    metrics = {name: jnp.asarray(value, jnp.float32) for name, value in metrics.items()}
    return TrainState(params, opt_state, state.step + 1, state.key), metrics


def is_finite(metrics: dict[str, Array]) -> Array:
    """Whether the loss and the gradient of a step are finite."""
    return jnp.isfinite(metrics["loss"]) & jnp.isfinite(metrics["gradient_norm"])


def make_advance(
    loss_fn: Loss, optimiser: optax.GradientTransformation, data: PyTree, batch_size: int, devices: Devices = ONE
) -> Advance:
    """Compile (on first use) the loop over steps, with the data resident on the device.

    An epoch is `n // batch_size` steps over a fresh permutation of the data, so no example comes twice in it.
    Order and noise depend on the state's key and step alone, and the number of steps is an argument of one
    compiled program: results are the same bit for bit however the steps are cut into calls.

    Args:
        loss_fn: `loss_fn(params, batch, key, step) -> (loss, metrics)`.
        optimiser: an optax transformation.
        data: a pytree of arrays whose leading axes all have the same length n.
        batch_size: examples a step, from 1 to n.
        devices: those that share each batch equally. Each has all of the data.

    Raises:
        AttendError: the leading axes differ, or the batch size does not fit the data.
    """
    data = devices.whole(data)
    lengths = {leaf.shape[0] for leaf in jax.tree.leaves(data)}
    if len(lengths) != 1:
        raise AttendError(f"data: the arrays' first axes must be equally long, but are {sorted(lengths)}")
    (n,) = lengths
    if not 1 <= batch_size <= n:
        raise AttendError(f"batch_size: must be from 1 to the {n} examples of the data, not {batch_size}")
    epoch_steps = n // batch_size

    @partial(jax.jit, donate_argnums=0)
    def run(state: TrainState, data: PyTree, steps: Array) -> tuple[TrainState, dict[str, Array]]:
        noise_key, order_key = jax.random.split(state.key)
        end = state.step + steps

        def shuffle(step: Array) -> Array:
            return jax.random.permutation(jax.random.fold_in(order_key, step // epoch_steps), n)

        @jax.jit  # so that it is traced once, for its shapes and for the loop
        def one_step(state: TrainState, order: Array) -> tuple[TrainState, dict[str, Array]]:
            first = state.step % epoch_steps * batch_size
            rows = jax.lax.dynamic_slice_in_dim(order, first, batch_size)
            batch = devices.divided(jax.tree.map(lambda leaf: leaf[rows], data))
            return take_step(loss_fn, optimiser, state, batch, noise_key)

        def unfinished(carry: tuple) -> Array:
            state, _, _, finite = carry
            return finite & (state.step < end)

        def body(carry: tuple) -> tuple:
            state, order, sums, _ = carry
            new_epoch = state.step % epoch_steps == 0
            order = jax.lax.cond(new_epoch, lambda: shuffle(state.step), lambda: order)
            state, metrics = one_step(state, order)
            return state, order, jax.tree.map(jnp.add, sums, metrics), is_finite(metrics)

        order = shuffle(state.step)
        _, shapes = jax.eval_shape(one_step, state, order)
        sums = jax.tree.map(jnp.zeros_like, shapes)
        state, _, sums, finite = jax.lax.while_loop(unfinished, body, (state, order, sums, jnp.array(True)))
        means = jax.tree.map(lambda total: total / jnp.maximum(steps, 1), sums)
        means |= {"finite": finite & jnp.isfinite(optax.tree.norm(state.params))}
        return devices.undivided((state, means))

    return Advance(run, data, batch_size)


def train(
    state: TrainState,
    advance: Advance,
    *,
    steps: int,
    every: int = 100,
    run: RunFolder | None = None,
    evaluate: Callable[[TrainState], dict[str, Any]] | None = None,
    finish: Callable[[TrainState], TrainState] | None = None,
    evaluate_every: int = 1000,
    checkpoint_every: int = 1000,
    progress: bool = True,
    devices: Devices = ONE,
) -> TrainState:
    """Train until step `steps`, from wherever `state` stands, and return the final state.

    A row of metrics is logged at every multiple of `every` and at the end. Evaluations and checkpoints happen
    at the first row at or after every multiple of their own period, and at the end.

    Args:
        state: where to start; donated, so do not reuse it.
        advance: from `make_advance` or `streamed_advance`.
        steps: the number of the last step, counted from the very beginning.
        every: steps in one compiled call.
        run: where to log and save; rows and checkpoints in it that are later than `state` are dropped.
        evaluate: numbers about a state to merge into the row, say `count_accuracy` on validation scenes; None
            stands for one that the data cannot tell.
        finish: applied to the state when step `steps` is reached, before it is saved.
        evaluate_every: period of `evaluate`, in steps.
        checkpoint_every: period of the checkpoints, in steps.
        progress: show a progress bar, or a line now and then where the output is not a terminal.
        devices: those that `advance` computes on. What a state is evaluated, finished and saved by sees it on one
            device of this process, and so is it returned. Of several processes one has a `run`.

    Raises:
        AttendError: a period is not positive; the loss, its gradient or the parameters stopped being finite
            (the checkpoints stay as they were); or the run folder cannot be written.
        KeyboardInterrupt: Ctrl-C was pressed; the chunk was finished and the state saved. The message says
            so. A second Ctrl-C does not wait for that.
    """
    for name, period in [
        ("every", every),
        ("evaluate_every", evaluate_every),
        ("checkpoint_every", checkpoint_every),
    ]:
        if period < 1:
            raise AttendError(f"{name}: must be at least 1 step, not {period}")
    step = int(state.step)
    with ExitStack() as stack:
        interrupted = stack.enter_context(_interruptible())
        before = 0.0 if run is None else stack.enter_context(run.recording(step))
        bar = stack.enter_context(Progress(step, steps, show=progress))
        started = time.perf_counter()
        if step < steps:
            state, _ = advance(state, 0)  # compiles, so that the first row's rate is that of the work
        stop, here = False, devices.here(state)
        while step < steps and not stop:
            start, step = step, min((step // every + 1) * every, steps)
            chunk_started = time.perf_counter()
            state, device_metrics = advance(state, step - start)
            metrics = jax.device_get(device_metrics)
            now = time.perf_counter()
            if not metrics.pop("finite"):
                raise AttendError(_not_finite(start, int(state.step), run))
            here = devices.here(state)
            row: dict[str, Any] = {"step": step} | {name: float(value) for name, value in metrics.items()}
            if evaluate is not None and _due(start, step, evaluate_every, steps):
                told = evaluate(here)
                row |= {name: float(value) for name, value in told.items() if value is not None}
            row["images_per_second"] = (step - start) * advance.batch_size / (now - chunk_started)
            row["seconds"] = before + time.perf_counter() - started
            stop = any_says(interrupted.is_set())
            if finish is not None and step == steps:
                here = finish(here)
            if run is not None:
                run.log(row)
                if stop or _due(start, step, checkpoint_every, steps):
                    run.checkpoints.save(step, here)
            bar.update(row)
    if step < steps:
        message = f"stopped at step {step:,} of {steps:,}"
        if run is not None:
            message += f" and saved in {run.path}"
        raise KeyboardInterrupt(message)
    return here


def _due(start: int, step: int, period: int, last: int) -> bool:
    """Whether a multiple of `period` lies in (start, step], or training is at its end."""
    return step // period > start // period or step == last


def _not_finite(start: int, step: int, run: RunFolder | None) -> str:
    saved = [] if run is None else run.checkpoints.steps()
    kept = f"the last good checkpoint is step {saved[-1]:,}" if saved else "no checkpoint had been saved before"
    return (
        f"training: the loss, its gradient or the parameters became NaN or infinite after step {start:,}, "
        f"by step {step:,}; {kept}; a smaller learning rate may help"
    )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event; the second acts as usual. Only the main thread gets signals."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    previous = signal.getsignal(signal.SIGINT) or signal.SIG_DFL

    def press(*_: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, previous)
