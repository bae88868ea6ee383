"""What an accelerator makes of training and inference, as one page, in some minutes.

uv run python benchmarks/accelerator.py > page.md

It needs JAX with the accelerator (`pip install attend[cuda]`) and this checkout; without an accelerator it measures
the processor. The training to 99 % comes last, and is left out if little time is left.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from common import compile_fast, matrix_flops, matrix_product_rate, median_seconds, peak_memory, print_table, scenes

import attend
from attend import Config, Model
from attend.config import preset
from attend.data import datasets, load
from attend.fitting import start_training
from attend.training import RunFolder, make_advance

CASES = ("paper", "default", "objects-3d")
"""Presets whose steps are timed."""

GROWTH = 1.1
"""Batches are doubled as long as so many times as many images a second are learned from."""

LEFT = 150
"""Seconds that must be left for the training to 99 %."""

EPOCH = 60_000
"""Images in an epoch."""


def main(
    data: Annotated[str, tyro.conf.Positional] = "digits",
    largest: int = 8192,
    minutes: float = 8.0,
    quick: bool = False,
) -> None:
    """Print a table.

    Args:
        data: a data set with splits for the training to 99 %, such as `digits` or `mnist:PATH`.
        largest: images of a batch, at most.
        minutes: after which no further measurement begins.
        quick: run everything at a tiny size, in seconds, to see that it works; the figures then mean nothing.
    """
    started = time.perf_counter()
    if quick:
        compile_fast()
        largest = 4
    first, cases = (4, CASES[:1]) if quick else (64, CASES)
    rows: list[tuple[str, str]] = []

    def measure(what: str, call: Callable[[], str], seconds: float = 0.0) -> None:
        left = 60 * minutes - (time.perf_counter() - started)
        rows.append((what, call() if left > seconds else "not measured: time was up"))

    device, rate = jax.devices()[0], matrix_product_rate((32,) if quick else (2048, 4096, 8192), 3)
    rows.append(("device", f"{len(jax.devices())} x {device.device_kind}"))
    rows.append(("float32 matrix products", f"{rate / 1e12:.3g} TFLOP/s"))
    for name in cases:
        images = scenes(2 * largest, name if name in datasets else "digits").images
        config = preset(name)
        for line in step_times(config, images, first, largest, rate):
            rows.append((f"{name}: {line[0]}", line[1]))
    images = scenes(first if quick else EPOCH).images
    measure(f"default: an epoch of {len(images):,}", lambda: epoch_time(images, min(largest, len(images), 4096)))
    for batch in (first, largest):
        measure(f"default: inference, batch {batch}", lambda batch=batch: inference_rate(images, batch))
    measure("two runs of 100 steps", lambda: same_bits(images[: 4 * first], first, 2 if quick else 100))
    measure("loss and gradient, against the processor", lambda: agreement(images[:first]))
    memory = peak_memory()
    config = preset("default")
    if quick:
        config = config.replace(steps=4, batch_size=4, warmup_steps=0)
    measure(f"default on {data}", lambda: time_to_accuracy(data, config, 16 if quick else None), LEFT)
    notes = (f"Peak memory of the process before the last row: {memory}.", "uint8 images of 50x50x1; 3D: 64x64x3.")
    print_table(("what", "measured"), rows, notes)


def step_times(config: Config, images: np.ndarray, first: int, largest: int, rate: float) -> list[tuple[str, str]]:
    """Milliseconds a step with the first batch, and with the one that learns from the most images a second."""
    found: list[tuple[int, float]] = []
    batch = first
    while batch <= largest and (len(found) < 2 or by_image(found[-2]) > GROWTH * by_image(found[-1])):
        found.append((batch, step_seconds(config.replace(batch_size=batch), images)))
        batch *= 2
    best = min(found, key=by_image)
    start = start_training(config, images.shape[1:], seed=0)
    gradient = jax.value_and_grad(start.loss, has_aux=True)
    flops = matrix_flops(gradient, start.state.params, images[:1], start.state.key, start.state.step)
    lines = []
    for batch, seconds in dict.fromkeys((found[0], best)):
        share = flops * batch / seconds / rate
        said = f"{1e3 * seconds:.2f} ms, {batch / seconds:,.0f} images/s, {share:.1%} of the rate"
        lines.append((f"step, batch {batch}", said))
    return lines


def by_image(measured: tuple[int, float]) -> float:
    """Seconds an image."""
    batch, seconds = measured
    return seconds / batch


def step_seconds(config: Config, images: np.ndarray, steps: int = 20) -> float:
    """The median of three chunks of steps."""
    start = start_training(config, images.shape[1:], seed=0)
    state = start.state
    advance = make_advance(start.loss, start.optimiser, images, config.train.batch_size)

    def chunk() -> Any:
        nonlocal state  # `advance` uses the state up
        state, metrics = advance(state, steps)
        return metrics

    return median_seconds(chunk, 3) / steps


def epoch_time(images: np.ndarray, batch: int) -> str:
    """The time of as many steps as an epoch has."""
    steps = len(images) // batch
    return f"{steps * step_seconds(preset('default').replace(batch_size=batch), images, steps):.3f} s, batch {batch}"


def inference_rate(images: np.ndarray, batch: int) -> str:
    """Images a second, from NumPy to `Scenes`."""
    model = Model.create(preset("default").model, images.shape[1:], jax.random.key(0))
    given = images[: 16 * batch]
    return f"{len(given) / median_seconds(lambda: model.infer(given, batch_size=batch).count_probs, 3):,.0f} images/s"


def same_bits(images: np.ndarray, batch: int, steps: int) -> str:
    """Whether two trainings of the same seed end in the same parameters, bit for bit."""

    def trained() -> list[np.ndarray]:
        config = preset("default").replace(batch_size=batch)
        start = start_training(config, images.shape[1:], seed=0)
        state, _ = make_advance(start.loss, start.optimiser, images, batch)(start.state, steps)
        return jax.device_get(jax.tree.leaves(state.params))

    same = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(trained(), trained(), strict=True))
    return "the same bits" if same else "not the same bits"


def agreement(images: np.ndarray) -> str:
    """The relative difference of the loss, and of the gradient's norm, between this device and the processor."""
    start = start_training(preset("default"), images.shape[1:], seed=0)
    said = []
    for device in (jax.devices()[0], jax.devices("cpu")[0]):
        with jax.default_device(device):
            params, key = jax.device_put((start.state.params, start.state.key), device)
            gradient = jax.jit(jax.value_and_grad(start.loss, has_aux=True))
            (loss, _), grads = gradient(params, jax.device_put(images, device), key, jnp.zeros((), jnp.int32))
            norm = float(np.sqrt(sum(float(np.square(leaf).sum()) for leaf in jax.device_get(jax.tree.leaves(grads)))))
            said.append((float(loss), norm))
    differences = [abs(a - b) / max(abs(b), 1e-12) for a, b in zip(*said, strict=True)]
    return f"relative difference {differences[0]:.1e} and {differences[1]:.1e}"


def time_to_accuracy(data: str, config: Config, n: int | None) -> str:
    """Seconds until 98 and 99 % of the counts of validation scenes are right, compiling and evaluating included."""
    train, valid = load(data, split="train", n=n), load(data, split="valid", n=n)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        attend.fit(train, config=config, seed=0, run=run, validation=valid, progress=False)
        rows = [row for row in RunFolder(run).metrics() if "count_accuracy" in row]
    said = []
    for target in (0.98, 0.99):
        reached = next((row for row in rows if row["count_accuracy"] >= target), None)
        said.append(f"{target:.0%} " + ("not reached" if reached is None else f"in {reached['seconds']:.1f} s"))
    return f"{', '.join(said)}; {rows[-1]['count_accuracy']:.2%} after {rows[-1]['step']:,} steps"


if __name__ == "__main__":
    tyro.cli(main)
