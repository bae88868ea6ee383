"""Run as a script: one of two processes that train the regression, guarded as `attend train` is."""

import sys
import time

from attend.cli.guard import Outcome, guarded


def work() -> Outcome:
    from regression import OPTIMISER, loss_fn, make_data, make_state

    from attend.errors import AttendError
    from attend.training import Devices, TrainState, make_advance, train
    from attend.training.devices import join, losing_none

    _, address, process = sys.argv
    join(address, int(process), 2)
    devices = Devices.chosen(None, 8)
    assert devices.number == 2

    def tell(state: TrainState) -> dict[str, float]:
        print(int(state.step), flush=True)
        time.sleep(0.1)
        return {}

    try:
        with losing_none():
            advance = make_advance(loss_fn, OPTIMISER, make_data(), 8, devices)
            state = devices.of_first(make_state())
            train(
                state, advance, steps=10**6, every=5, evaluate=tell, evaluate_every=5, progress=False, devices=devices
            )
    except AttendError as error:
        return 2, f"attend: {error}"
    except KeyboardInterrupt as error:
        return 130, f"attend: {error}"
    return 0, ""


if __name__ == "__main__":
    status, said = guarded(work)
    print(said, file=sys.stderr)
    sys.exit(status)
