"""What all commands print through, and how each kind of trouble ends a command."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from cli.engine.run import Interrupted
from cli.up import Refused
from local.kube import ApiError
from local.progress import Progress
from local.trouble import EnvironmentTrouble, from_os_error
from recovery.trouble import RecoveryFailed
from spec.problems import SpecError

if TYPE_CHECKING:
    from collections.abc import Generator

REFUSED = 1
"""Exit status: the engine, a rule or the API server said no."""
MISTAKE = 2
"""Exit status: a file or an argument is wrong; nothing was changed."""
TROUBLE = 3
"""Exit status: the machine, the network or another process is in the way."""
INTERRUPTED = 130
"""Exit status: ended by Ctrl-C, as shells count it."""

_LOG_COLUMNS = 200

console = Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_COLUMNS)
errors = Console(stderr=True, highlight=False)


def progress() -> Progress:
    """Return the progress display of this command."""
    return Progress(console)


def fail(text: str, status: int) -> None:
    """Print why a command ends and end it."""
    errors.print(text, markup=False, soft_wrap=True)
    sys.exit(status)


@contextmanager
def clear_errors() -> Generator[None]:
    """Turn what can go wrong into one message and an exit status; a defect of ours keeps its traceback."""
    try:
        yield
    except SpecError as error:
        fail(str(error), MISTAKE)
    except Refused as error:
        fail(f"Refused: {error}", REFUSED)
    except RecoveryFailed as error:
        fail(f"Failed: {error}", REFUSED)
    except EnvironmentTrouble as error:
        fail(f"Stopped: {error}", TROUBLE)
    except ApiError as error:
        fail(f"Stopped: the cluster did not answer as expected: {error}", TROUBLE)
    except (KeyboardInterrupt, Interrupted):
        fail("Interrupted. What was done is kept: run the command again to go on.", INTERRUPTED)
    except OSError as error:
        fail(f"Stopped: {from_os_error(error, 'working')}", TROUBLE)
