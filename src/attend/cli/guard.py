"""A process that JAX may end at any time, and one beside it that says in one line why it ended.

When one of several processes is lost, the libraries below JAX abort the others, after pages of their log, and no Python
gets a say. So the work is done in a child whose libraries write into a pipe, and its parent has the last word.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection
from typing import Any

MOST = 20_000
"""Characters that are kept of what the libraries have written, the last ones."""

Outcome = tuple[int, str]
"""An exit status, and what is to be said of it on stderr, if anything."""


def guarded(work: Callable[[], Outcome]) -> Outcome:
    """The outcome of `work`, done in a child of this process; it ends with this process, however that ends.

    What the child's Python writes appears as it is written. What its libraries write appears if it was ended by a
    signal that nothing explains. It must be called before there are threads, and so before JAX is used.
    """
    context = multiprocessing.get_context("fork")
    outcome, told = context.Pipe(duplex=False)
    written, log = os.pipe()
    sys.stdout.flush()
    child = context.Process(target=_child, args=(work, told, log, (outcome.fileno(), written)))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until both know what to do with it
    child.start()
    told.close()
    os.close(log)
    assert child.pid is not None
    with _forwarding(signal.SIGINT, child.pid):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        text = _read(written)
        child.join()
    with contextlib.suppress(EOFError):
        return outcome.recv()
    return _explained(child.exitcode or 0, text)


def _explained(exitcode: int, text: str) -> Outcome:
    from attend.training.devices import LOST, says_lost

    if says_lost(text):
        return 2, f"attend: {LOST}"
    name = signal.Signals(-exitcode).name if exitcode < 0 else f"status {exitcode}"
    return 1, f"{text}attend: the training was ended by {name}"


def _read(pipe: int) -> str:
    """The end of what comes out of a pipe until nobody writes into it any longer."""
    with open(pipe, errors="replace") as file:
        kept = ""
        while more := file.read(MOST):
            kept = (kept + more)[-MOST:]
    return kept


def _child(work: Callable[[], Outcome], told: Any, log: int, others: tuple[int, ...]) -> None:
    for other in others:
        os.close(other)
    os.setpgid(0, 0)  # Ctrl-C in a terminal goes to the parent alone, which hands it on
    for name, number in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        new = os.fdopen(os.dup(number), "w", buffering=1, encoding=old.encoding, errors=old.errors)
        setattr(sys, name, new)
        os.dup2(log, number)
    os.close(log)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        outcome = work()
    except BaseException:
        outcome = 1, traceback.format_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    told.send(outcome)
    told.close()
    os._exit(outcome[0])  # without JAX's farewell to the other processes, of which some may be gone


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


@contextlib.contextmanager
def _forwarding(number: signal.Signals, pid: int) -> Iterator[None]:
    def forward(*_: Any) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    previous = signal.signal(number, forward)
    try:
        yield
    finally:
        signal.signal(number, previous)
