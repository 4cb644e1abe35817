"""The gRPC service that the engine talks to: ``pulumirpc.LanguageRuntime`` for Python."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import LanguageRuntimeServicer, language_pb2, plugin_pb2

from local.languagehost import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROGRAM = Path(program.__file__)
_TERM_SECONDS = 5.0


class PythonHost(LanguageRuntimeServicer):
    """Runs Python programs and Python policy packs, each in a process of its own.

    ``engine`` is the engine's gRPC address. What the engine may ask for beyond ``Run``, ``RunPlugin``
    and the questions about the runtime is answered with UNIMPLEMENTED by the SDK's base class.
    """

    def __init__(self, engine: str, version: str) -> None:
        self._engine = engine
        self._version = version
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        # The engine loads a provider when its first resource arrives; nothing has to be named ahead.
        return language_pb2.GetRequiredPackagesResponse()

    def About(self, request: Any, context: Any) -> Any:
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        dependencies = [
            language_pb2.DependencyInfo(name=d.name, version=d.version)
            for d in importlib.metadata.distributions()
        ]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        text = "The dependencies come from uv.lock: run `make up` or `uv sync`.\n"
        yield language_pb2.InstallDependenciesResponse(stdout=text.encode())

    def Run(self, request: Any, context: Any) -> Any:
        """Run a program; a failure that the user was already told of is answered with ``bail``."""
        request.args.insert(0, self._engine)
        child = self._start(
            [_python(request.info), "-u", str(_PROGRAM)],
            cwd=request.pwd or None,
            stdin=subprocess.PIPE,
        )
        try:
            child.communicate(request.SerializeToString())
        finally:
            self._forget(child)
        if child.returncode == 0:
            return language_pb2.RunResponse()
        if child.returncode == program.TOLD:
            return language_pb2.RunResponse(bail=True)
        how = f"exit status {child.returncode}" if child.returncode > 0 else f"signal {-child.returncode}"
        return language_pb2.RunResponse(error=f"the program ended with {how}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a policy pack and stream what it prints, then its exit status."""
        if request.kind != "analyzer":
            text = (
                f"this language host runs programs and policy packs, not plugins of kind {request.kind!r}\n"
            )
            yield language_pb2.RunPluginResponse(stderr=text.encode())
            yield language_pb2.RunPluginResponse(exitcode=1)
            return
        child = self._start(
            [_python(request.info), "-u", "-m", "pulumi.policy", *request.args, "."],
            cwd=request.info.program_directory,
            env=dict(entry.split("=", 1) for entry in request.env) or None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        # The engine ends a policy pack by ending this call, so the end of the call must end the process.
        context.add_callback(lambda: _end(child))
        try:
            yield from _output(child)
            yield language_pb2.RunPluginResponse(exitcode=child.wait())
        finally:
            self._forget(child)

    def Cancel(self, request: Any, context: Any) -> Any:
        """End what runs: programs are asked first, and killed after five seconds."""
        self.end_children()
        return empty_pb2.Empty()

    def end_children(self) -> None:
        """Terminate every child process, all at once, and wait for their end."""
        with self._lock:
            children = list(self._children)
        with ThreadPoolExecutor(max_workers=max(1, len(children))) as pool:
            list(pool.map(_end, children))

    def _start(
        self,
        command: list[str],
        *,
        cwd: str | None,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(  # noqa: S603
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=stdin, stdout=stdout, stderr=stderr
        )
        with self._lock:
            self._children.add(child)
        return child

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        _end(child)
        with self._lock:
            self._children.discard(child)


def _python(info: Any) -> str:
    """Return the interpreter of the project's virtual environment, or the host's own without one."""
    name = dict(info.options).get("virtualenv", "")
    python = Path(info.root_directory, name, "bin", "python") if name else Path(sys.executable)
    return str(python) if python.exists() else sys.executable


def _output(child: subprocess.Popen[bytes]) -> Iterator[Any]:
    queue: SimpleQueue[tuple[str, bytes] | None] = SimpleQueue()

    def pump(name: str, stream: IO[bytes]) -> None:
        with stream:
            for chunk in iter(stream.readline, b""):
                queue.put((name, chunk))
        queue.put(None)

    streams = {"stdout": child.stdout, "stderr": child.stderr}
    for name, stream in streams.items():
        threading.Thread(target=pump, args=(name, stream), daemon=True).start()
    open_streams = len(streams)
    while open_streams:
        item = queue.get()
        if item is None:
            open_streams -= 1
        else:
            name, chunk = item
            answer: Any = language_pb2.RunPluginResponse()
            setattr(answer, name, chunk)
            yield answer


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_TERM_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
