"""A real Prometheus on this machine, for as long as somebody needs its answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.controlplane.ports import free_port
from local.controlplane.processes import MARK, end, running
from local.toolchain.build import ensure
from local.toolchain.catalog import PROMETHEUS
from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from local.progress import Progress

_READY_SECONDS: Final = 180
"""Longest wait for its first answer: it takes a second, and a busy machine takes many."""
_STOP_SECONDS: Final = 20
_ANSWER_SECONDS: Final = 30
_TICK: Final = 0.2
_LOG_LINES: Final = 12
_BLOCK_DAYS: Final = 730


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """A Prometheus that answers."""

    url: str
    """Its address, such as http://127.0.0.1:43211."""

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the samples of an instant query: labels and value; none is an empty list.

        Raises:
            EnvironmentTrouble: it does not answer, or does not understand the expression.

        """
        found = _get(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]


@contextmanager
def start_prometheus(
    folder: Path,
    rules: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    *,
    interval: int,
    progress: Progress,
) -> Generator[Prometheus]:
    """Run Prometheus with groups of rules and entries of `scrape_configs`, and end it when the block is left.

    Args:
        folder: where its configuration, its data and its log go.
        rules: groups of rules.
        targets: entries of `scrape_configs`.
        interval: seconds between two scrapes of a target.
        progress: says what is waited for; the program is built where it is missing.

    Raises:
        EnvironmentTrouble: it cannot be had, or does not start; the last lines of its log are in the message.

    """
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML, and never misread.
    (folder / "rules.yml").write_text(json.dumps({"groups": list(rules)}, indent=1))
    pace = {
        "scrape_interval": f"{interval}s",
        "scrape_timeout": f"{interval}s",
        "evaluation_interval": f"{interval}s",
    }
    configuration = {"global": pace, "rule_files": ["rules.yml"], "scrape_configs": list(targets)}
    with _run(folder, configuration, ["--storage.tsdb.retention.time=1d"], progress) as found:
        yield found


@contextmanager
def empty_prometheus(folder: Path, progress: Progress) -> Generator[Prometheus]:
    """Run Prometheus that collects nothing, and takes samples at whatever time of the past they are of.

    Args:
        folder: where its configuration, its data and its log go; data of a run before are removed.
        progress: says what is waited for; the program is built where it is missing.

    Raises:
        EnvironmentTrouble: it cannot be had, or does not start; the last lines of its log are in the message.

    """
    folder.mkdir(parents=True, exist_ok=True)
    end(list(running(folder).values()))
    shutil.rmtree(folder / "data", ignore_errors=True)
    flags = [
        "--web.enable-remote-write-receiver",
        "--storage.tsdb.retention.time=20y",
        # One block for all: what belongs to one time is written at several, the series of rules after those they ask.
        f"--storage.tsdb.min-block-duration={_BLOCK_DAYS}d",
        f"--storage.tsdb.max-block-duration={_BLOCK_DAYS}d",
    ]
    with _run(folder, {"global": {}}, flags, progress) as found:
        yield found


@contextmanager
def _run(
    folder: Path, configuration: Mapping[str, Any], flags: Sequence[str], progress: Progress
) -> Generator[Prometheus]:
    program = ensure(progress, [PROMETHEUS])["prometheus"]
    (folder / "prometheus.yml").write_text(json.dumps(configuration, indent=1))
    port = free_port()
    log = folder / "prometheus.log"
    command = [
        *_bound_to_this_process(),
        str(program),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with progress.step("prometheus") as step, log.open("ab") as output:
        step.note = "waiting for its first answer"
        child = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, MARK: f"{folder}:prometheus"},
        )
        try:
            _wait(child, f"http://127.0.0.1:{port}", log)
        except BaseException:
            _end(child)
            raise
        step.result = f"real, at http://127.0.0.1:{port}"
    try:
        yield Prometheus(url=f"http://127.0.0.1:{port}")
    finally:
        _end(child)


def _bound_to_this_process() -> tuple[str, ...]:
    """Return what makes a program end with this process, even if that is killed; nothing where there is no such."""
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")


def _wait(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise EnvironmentTrouble(f"Prometheus ended as soon as it was started:\n{_tail(log)}")
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=_ANSWER_SECONDS):  # noqa: S310 - our own
                return
        except (urllib.error.URLError, OSError):
            time.sleep(_TICK)
    raise EnvironmentTrouble(f"Prometheus gave no answer in {_READY_SECONDS} s:\n{_tail(log)}")


def _get(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - our own
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise EnvironmentTrouble(
            f"Prometheus refused a query: {error.read().decode(errors='replace')}"
        ) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise EnvironmentTrouble(f"Prometheus does not answer: {error}") from error


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
