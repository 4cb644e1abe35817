"""One run of the engine as a child process: followed, limited in time, interruptible."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.engine.events import Report
from local.state import ROOT, write
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cli.engine.installation import Installation
    from local.progress import Step
    from local.state import State

MARK = "STOREFLEET_ENGINE"
"""What an engine of this command and all its children carry in their environment: the state folder."""

GRACE_SECONDS = 60.0
"""How long an engine that was asked to end gets to finish what it has begun."""

_TICK = 0.2
_KEPT_RUNS = 20
_SHELL = 128

LIMIT_SECONDS = 30 * 60.0
"""Longest that a run on the local stack may take: forty tenants take a minute or two."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended: the engine's exit status, what it reported, its output's file."""

    status: int
    report: Report
    log: Path

    @property
    def killed(self) -> int:
        """The number of the signal that ended the engine, as seen by us or by a shell around it; else 0."""
        by_shell = self.status - _SHELL if self.status - _SHELL in (signal.SIGKILL, signal.SIGTERM) else 0
        return max(-self.status, by_shell)


class Interrupted(Exception):  # noqa: N818
    """The user asked for an end; the engine finished what it had begun and wrote its state."""


def run(
    engine: Installation,
    state: State,
    arguments: Sequence[str],
    step: Step,
    *,
    cwd: Path = ROOT,
    expected: int | None = None,
    limit: float = LIMIT_SECONDS,
) -> Outcome:
    """Run ``pulumi`` with ``arguments`` and follow its events until it ends.

    ``expected`` is the number of resources, for the progress. Ctrl-C lets the engine finish what it has
    begun; a second one, or the time limit and a minute, kills it. Its state survives all three.
    Raises Interrupted after Ctrl-C and EnvironmentTrouble at the time limit.
    """
    folder = state.engine / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = f"{time.strftime('%Y%m%dT%H%M%S')}-{time.monotonic_ns() % 1_000_000:06d}-{arguments[0]}"
    events, log = folder / f"{stamp}.events", folder / f"{stamp}.log"
    _tidy(folder)
    command = [str(engine.pulumi), *arguments, "--non-interactive", "--color=never", f"--event-log={events}"]
    report = Report()
    # The event log is a flag for developers of the engine, and what its own automation API uses.
    watched = {**engine.environment, "PULUMI_DEBUG_COMMANDS": "true", MARK: str(state.root)}
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603
            command,
            cwd=cwd,
            env=watched,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Away from the terminal's Ctrl-C: the engine takes a second signal for "at once", so it gets
            # exactly those that this command passes on.
            start_new_session=True,
        )
        try:
            interrupted = _follow(child, events, report, step, expected=expected, limit=limit)
        finally:
            _end(child)
            _without_debug(events)
    if interrupted:
        raise Interrupted
    return Outcome(status=child.returncode, report=report, log=log)


def call(engine: Installation, arguments: Sequence[str], *, cwd: Path = ROOT) -> str:
    """Run a short ``pulumi`` command and return what it prints; raises EnvironmentTrouble when it fails."""
    done = subprocess.run(  # noqa: S603
        [str(engine.pulumi), *arguments, "--non-interactive", "--color=never"],
        cwd=cwd,
        env=engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EnvironmentTrouble(
            f"pulumi {' '.join(arguments[:2])} failed:\n{(done.stderr or done.stdout).strip()}"
        )
    return done.stdout


def _follow(
    child: subprocess.Popen[bytes],
    events: Path,
    report: Report,
    step: Step,
    *,
    expected: int | None,
    limit: float,
) -> bool:
    deadline, interrupts, position = time.monotonic() + limit, 0, 0
    while True:
        try:
            try:
                child.wait(_TICK)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
            position = _read(events, position, report)
            total = f"/{expected}" if expected else ""
            if not interrupts:
                step.note = f"{report.seen}{total} resources, now {report.current}" if report.seen else ""
            if ended:
                return interrupts > 0
            if time.monotonic() > deadline:
                _over_time(child, report, limit)
        except KeyboardInterrupt:
            interrupts += 1
            step.note = "finishing what has begun; Ctrl-C again ends it at once"
            if interrupts > 1:
                child.kill()
            else:
                child.send_signal(signal.SIGINT)


def _over_time(child: subprocess.Popen[bytes], report: Report, limit: float) -> None:
    _end(child)
    raise EnvironmentTrouble(
        f"the engine was not done after {limit / 60:.0f} minutes and was stopped; it was at {report.current}. "
        "Its state is kept: run the command again to go on."
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGINT)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _read(events: Path, position: int, report: Report) -> int:
    if not events.exists():
        return position
    with events.open("rb") as file:
        file.seek(position)
        data = file.read()
    whole = data.rfind(b"\n") + 1
    report.add(line for line in data[:whole].decode().splitlines() if line.strip())
    return position + whole


def _tidy(folder: Path) -> None:
    for old in sorted(folder.iterdir())[: -2 * _KEPT_RUNS]:
        old.unlink(missing_ok=True)
    for left in folder.glob("*.events"):  # of a run that was killed before it tidied up
        _without_debug(left)


def _without_debug(events: Path) -> None:
    """Take the debug messages out of an event log: the SDK writes outputs into them, secrets in plain text."""
    lines = events.read_bytes().splitlines(keepends=True) if events.exists() else []
    kept = [line for line in lines if not _is_debug(line)]
    if len(kept) < len(lines):
        write(events, b"".join(kept))


def _is_debug(line: bytes) -> bool:
    try:
        return json.loads(line).get("diagnosticEvent", {}).get("severity") == "debug"
    except ValueError:
        return True  # the half of a line that a killed engine left
