"""Serve the language host: prints its port, runs until the engine interrupts it or is gone."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from local.languagehost.host import PythonHost

_MESSAGE_BYTES = 400 * 1024 * 1024
"""The largest gRPC message: the limit that Pulumi's own runtimes set."""


def main(arguments: list[str]) -> int:
    """Serve until told to stop; ``arguments`` are the engine's, the last one is its address."""
    done = threading.Event()

    def stop(number: int, frame: object) -> None:
        del number, frame
        done.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    version = importlib.metadata.version("pulumi")
    host = PythonHost(engine=arguments[-1] if arguments else "", version=version)
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", -1)]
    server: Any = grpc.server(ThreadPoolExecutor(max_workers=16), options=options)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    engine_process = os.getppid()
    while not done.wait(1.0):
        if os.getppid() != engine_process:  # the engine was killed: leave no orphan behind
            break
    host.end_children()
    server.stop(grace=None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
