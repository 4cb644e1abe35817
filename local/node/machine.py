"""The machine that the real node is: a process with namespaces of its own, which keeps the node's services running.

Run as a program, with the path of its settings. All of it ends with it, in whichever way it ends: its processes are
in a PID namespace, its mounts in a mount namespace, its addresses and rules in a network namespace. Outside are a
link and a route, which the kernel removes with the network namespace, and the forwarding of the API server's port.

Only the standard library: it starts quickly, and is started by its path.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

_NEW_PIDS, _NEW_MOUNTS, _NEW_NETWORK = 0x20000000, 0x00020000, 0x40000000
_DIE_WITH_PARENT: Final = 1
_GRACE_SECONDS: Final = 4.0
"""For the services, and again for all that they ran: less together than a process is given to end."""
_GONE_SECONDS: Final = 30.0
_TICK: Final = 0.1
_AGAIN_SECONDS: Final = 2.0
"""How long a service that ended stays down before it is started again."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class _Running:
    service: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    again: float = 0.0


def main(settings: dict[str, Any]) -> int:
    """Be the machine until a signal or its end; returns the exit status."""
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    (ready, tell_ready), (linked, tell_linked) = os.pipe(), os.pipe()
    _done(_libc.unshare(_NEW_PIDS), "unshare")  # of the child that comes next
    child = os.fork()
    if not child:
        os.close(ready)
        os.close(tell_linked)
        _be_inside(settings, tell_ready, linked)
    _done(_libc.setns(home, _NEW_PIDS), "setns")  # and of no other
    os.close(tell_ready)
    os.close(linked)
    try:
        os.read(ready, 1)
        _gone(Path("/sys/class/net", settings["name"]))  # that of a machine that has just ended
        for command in settings["link"]:
            _run([word.format(pid=child) for word in command])
        os.write(tell_linked, b".")
        asyncio.run(_forward(settings["forward"], child))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise


def _gone(link: Path) -> None:
    """Wait until the kernel has removed a link: it takes its time with the namespace at the link's other end."""
    deadline = time.monotonic() + _GONE_SECONDS
    while link.exists() and time.monotonic() < deadline:
        time.sleep(_TICK)


async def _forward(settings: dict[str, Any], child: int) -> None:
    """Forward the API server's port to the node until the machine inside has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    watched = os.pidfd_open(child)
    loop.add_reader(watched, ended.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, os.kill, child, signal.SIGTERM)
    host, port = settings["to"]

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            there, back = await asyncio.open_connection(host, port)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        writer.close()

    server = await asyncio.start_server(connect, *settings["listen"])
    async with server:
        await ended.wait()
        loop.remove_reader(watched)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()


def _be_inside(settings: dict[str, Any], tell_ready: int, linked: int) -> NoReturn:
    """Be the first process of the machine: make it, run its services, and end it."""
    status = 1
    try:
        _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        _done(_libc.unshare(_NEW_MOUNTS | _NEW_NETWORK), "unshare")
        os.write(tell_ready, b".")
        if os.read(linked, 1):
            _make(settings)
            _keep([_Running(each) for each in settings["services"]])
            status = 0
    except Exception as error:  # noqa: BLE001
        print(f"the machine could not be made: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        os._exit(status)  # whatever is left in it is ended by the kernel


def _make(settings: dict[str, Any]) -> None:
    _run(["mount", "--make-rprivate", "/"])  # nothing of it reaches outside
    _run(["mount", "-t", "proc", "proc", "/proc"])
    _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"])
    for group in Path("/sys/fs/cgroup").glob(f"*{settings['cgroup']}"):
        _empty(
            group
        )  # a machine that was killed left its pods' groups, and a kubelet looks for what is in them
    for name, content in settings["files"].items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content)
    for folder in settings["covered"]:
        _cover(Path(folder), Path("/run/covered", folder.strip("/").replace("/", "-")))
    for target, source in settings["binds"].items():
        if not Path(target).exists():
            Path(target).mkdir()
        _run(["mount", "--bind", source, target])
    _run(["mount", "--make-rshared", "/"])  # what the kubelet mounts for a pod reaches containerd
    for command in settings["inside"]:
        _run(command)


def _cover(folder: Path, aside: Path) -> None:
    """Put an empty folder of the machine's own in the place of one, with all that is in it mounted again.

    A folder that is made in it is made inside only: nothing appears outside, and nobody outside can take it away.
    """
    aside.mkdir(parents=True)
    _run(["mount", "--rbind", str(folder), str(aside)])
    _run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(folder)])
    for entry in aside.iterdir():
        target = folder / entry.name
        if entry.is_symlink():
            target.symlink_to(entry.readlink())
        elif entry.is_dir():
            target.mkdir()
            _run(["mount", "--rbind", str(entry), str(target)])
        elif entry.is_file():
            target.touch()
            _run(["mount", "--bind", str(entry), str(target)])


def _empty(group: Path) -> None:
    for inner in group.iterdir():
        if inner.is_dir():
            _empty(inner)
            inner.rmdir()


def _keep(services: list[_Running]) -> None:
    """Keep services running, and take note of the end of every process, until SIGTERM; then end all of them."""
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        del number, frame
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while not stopping:
        for each in services:
            if each.process is None and time.monotonic() >= each.again:
                each.process = _start(each.service)
        _reap(services)
        time.sleep(_TICK)
    # The services first, since they would start again what ends after them.
    _end([each.process.pid for each in services if each.process], services)
    everything = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    _end([pid for pid in everything if pid != os.getpid()], services)


def _reap(services: list[_Running]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            for each in services:
                if each.process and each.process.pid == ended[0]:
                    each.process.returncode = os.waitstatus_to_exitcode(ended[1])
                    each.process, each.again = None, time.monotonic() + _AGAIN_SECONDS


def _end(pids: list[int], services: list[_Running]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(Path("/proc", str(pid)).exists() for pid in pids):
        _reap(services)
        time.sleep(_TICK)


def _start(service: dict[str, Any]) -> subprocess.Popen[bytes]:
    with Path(service["log"]).open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            service["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=service["environment"],
        )


def _done(status: int, what: str) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
