"""Work that threads do ahead of whoever uses its results."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many cores this process is to keep busy: `OMP_NUM_THREADS`, which schedulers set, or all of the machine."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) > 0 else os.cpu_count() or 1


def ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    most: int,
    *,
    size: Callable[[Item], int] = lambda item: 0,
    largest: int = 0,
) -> Generator[Result, None, None]:
    """`function` of each item, in order, computed by a thread for each core.

    Close the iterator to stop before its end. What `function` raises is raised when the turn of its item comes.

    Args:
        function: what to compute; it may be called for several items at once.
        items: taken one by one, as they are needed.
        most: results that are computed or waiting at any time.
        size: of an item, such as the bytes that it takes while it is computed or waits.
        largest: of all those together; an item that is larger is computed alone.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    pool = ThreadPoolExecutor(cores(), thread_name_prefix="attend-ahead")
    try:
        for item in items:
            own = size(item)
            while waiting and own + sum(each for _, each in waiting) > largest:
                yield waiting.popleft()[0].result()
            waiting.append((pool.submit(function, item), own))
            if len(waiting) == most:
                yield waiting.popleft()[0].result()
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        pool.shutdown(cancel_futures=True)
