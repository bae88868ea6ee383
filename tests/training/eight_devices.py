"""Run as a script, with eight simulated devices: prints what trainings on some of them come to, as JSON."""

import json
import re
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import tiny

import attend
import attend.fitting
from attend.errors import AttendError
from attend.training import Devices, RunFolder, make_advance, streamed_advance, train

STEPS, HALF, BATCH = 100, 50, 16
IMAGES = (255 * tiny.images(64)).astype(np.uint8)
CONFIG = tiny.config(steps=STEPS, batch_size=BATCH)


def compiled(devices: Devices) -> dict[str, list]:
    """What the devices tell each other in a step, and how many images a device takes in it."""
    start = attend.fitting.start_training(CONFIG, tiny.SIZE, 0)
    advance = make_advance(start.loss, start.optimiser, IMAGES, BATCH, devices)
    text = advance.run.lower(devices.of_first(start.state), advance.data, np.int32(1)).compile().as_text()
    batches = {int(n) for n in re.findall(r"u8\[(\d+),(?:1,)?8,8,1\]", text)} - {len(IMAGES)}
    return {"told": re.findall(r" (all-[a-z-]+|collective-[a-z-]+|reduce-scatter)\(", text), "batches": sorted(batches)}


def streamed(number: int, run: Path) -> float:
    """The loss of a few steps on batches from the host."""
    start, devices = attend.fitting.start_training(CONFIG, tiny.SIZE, 0), Devices.chosen(number, BATCH)

    def batches(step: int):
        while True:
            yield IMAGES[np.arange(step * BATCH, (step + 1) * BATCH) % len(IMAGES)]
            step += 1

    folder = RunFolder.create(run, {})
    with streamed_advance(start.loss, start.optimiser, batches, BATCH, devices) as advance:
        state = devices.of_first(start.state)
        train(state, advance, steps=20, every=10, run=folder, progress=False, devices=devices)
    return folder.metrics()[-1]["loss"]


def loss(run: Path) -> float:
    *_, last = RunFolder(run).metrics()
    assert last["step"] == STEPS
    return last["loss"]


def refused(number: int, batch_size: int) -> str:
    try:
        Devices.chosen(number, batch_size)
    except AttendError as error:
        return str(error)
    return "taken"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    warnings.simplefilter("error")  # a damaged checkpoint would be passed over with one
    attend.fitting.LOG_EVERY, attend.fitting.CHECKPOINT_EVERY = 10, HALF
    losses = {}
    for number in (1, 8):
        attend.fit(IMAGES, config=CONFIG, run=folder / f"on-{number}", devices=number, progress=False)
        losses[f"on {number}"] = loss(folder / f"on-{number}")
    for number in (1, 2):
        run = shutil.copytree(folder / "on-8", folder / f"from-8-on-{number}")
        shutil.rmtree(run / "checkpoints" / str(STEPS))
        attend.fit(IMAGES, run=run, resume=True, devices=number, progress=False)
        losses[f"from 8 on {number}"] = loss(run)
    for number in (1, 8):
        losses[f"streamed on {number}"] = streamed(number, folder / f"streamed-on-{number}")
    programs = {number: compiled(Devices.chosen(number, BATCH)) for number in (1, 8)}
    by_default = Devices.chosen(None, BATCH).number
    refusals = [refused(9, 18), refused(8, 12), refused(3, BATCH)]
    print(json.dumps({"losses": losses, "programs": programs, "by default": by_default, "refusals": refusals}))
