"""Progress of long work: what runs, for how long, and what it waits for."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_HEARTBEAT_SECONDS = 20.0
_SPINNER_SECONDS = 0.2


def duration(seconds: float) -> str:
    """Return seconds as people read them: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Step:
    """One piece of work in progress; ``note`` says what it does or waits for at the moment."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self.result = ""


class Progress:
    """Shows steps on a console: a spinner on a terminal, a line and a heartbeat in a log."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Show ``title`` while the block runs, then the time that it took.

        An exception marks the step as failed and goes on; the caller says why.
        """
        step, started, done = Step(title), time.monotonic(), threading.Event()

        def line() -> str:
            note = f" - {step.note}" if step.note else ""
            return f"{step.title}{note} ({duration(time.monotonic() - started)})"

        mark = "x"
        with ExitStack() as shown:
            show, every = lambda: self.say(f"  ... {line()}"), _HEARTBEAT_SECONDS
            if self.console.is_terminal:
                status = shown.enter_context(self.console.status(Text(title)))
                show, every = lambda: status.update(Text(line())), _SPINNER_SECONDS
            ticker = threading.Thread(target=_tick, args=(done, every, show))
            ticker.start()
            try:
                yield step
                mark = "+"
            finally:
                done.set()
                ticker.join()
                shown.close()
                result = f": {step.result}" if step.result else ""
                self.say(f"{mark} {step.title}{result} ({duration(time.monotonic() - started)})")


def _tick(done: threading.Event, every: float, show: Callable[[], None]) -> None:
    while not done.wait(every):
        show()
