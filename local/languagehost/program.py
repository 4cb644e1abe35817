"""Runs one Pulumi program in this process: the child of the language host.

Reads a serialized ``pulumirpc.RunRequest`` from standard input (``args[0]`` is the engine's address)
and leaves the rest to the SDK's own ``LanguageServer``. Exit status: 0 when the program ended well,
``TOLD`` when it failed and the engine has already shown the reason, anything else is a crash.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2

TOLD = 32
"""The exit status by which Pulumi's Python runtimes say "the user was already told"."""


def main() -> int:
    """Run the program that standard input describes and return the exit status."""
    # Ctrl-C is the engine's to handle: it closes the monitor, and the program ends by that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request: Any = language_pb2.RunRequest.FromString(sys.stdin.buffer.read())
    info = request.info
    entry = Path(info.program_directory, info.entry_point or ".")
    os.chdir(info.program_directory)
    sys.path[0] = info.program_directory  # in the place of this file's own folder
    sys.argv = [str(entry), *request.args[1:]]

    def program() -> None:
        runpy.run_path(str(entry), run_name="__main__")

    server: Any = LanguageServer(program)
    response: Any = server.Run(request, None)
    return TOLD if response.error or response.bail else 0


if __name__ == "__main__":
    sys.exit(main())
