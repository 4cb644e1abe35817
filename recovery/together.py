"""Many small pieces of work at once; the first that fails ends them all."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WORKERS: Final = 8
"""Objects on their way at once: most are small, so what takes the time is waiting for answers."""

_T = TypeVar("_T")


def side_by_side(work: Callable[[_T], object], items: Iterable[_T]) -> None:
    """Do `work` for every item, several at once; raises what the first to fail raised."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="recovery") as pool:
        running = [pool.submit(work, item) for item in items]
        done, waiting = wait(running, return_when=FIRST_EXCEPTION)
        for one in waiting:
            one.cancel()
        for one in done:
            one.result()
    for one in waiting:
        if not one.cancelled():
            one.result()
