"""`odoo [gevent|neutralize] --config FILE`: the processes of Odoo, by Odoo's own command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from . import WORDS, neutralise, scheduled
from .database import fill
from .pages import answering
from .push import Bus, pushing
from .sessions import store
from .settings import Settings, SettingsError, read
from .shop import Shop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.server import BaseHTTPRequestHandler
    from types import FrameType

_START_SECONDS = 300.0
BACKGROUND = "background"
"""Name of the threads that end soon after they were told to."""


class Server(ThreadingHTTPServer):
    """A thread a request, where Odoo has a process: what is bounded is the number of connections to the database."""

    daemon_threads = True
    request_queue_size = 128


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line of Odoo, as far as the image's programs use it."""
    parser = argparse.ArgumentParser(prog="odoo", description=WORDS, allow_abbrev=False)
    parser.add_argument("command", nargs="?", choices=["gevent", "neutralize"])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--database")
    return parser.parse_args(given)


def prepare(shop: Shop, seconds: float = _START_SECONDS) -> None:
    """Wait for the database and fill it where it is empty. Raises psycopg's error when it does not come."""
    until = time.monotonic() + seconds
    while True:
        try:
            if fill(shop.database):
                print(f"{shop.settings.database} was empty and has tables now", flush=True)  # noqa: T201
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
        else:
            return


def serve(shop: Shop, command: str, environment: Mapping[str, str], stop: threading.Event) -> list[Server]:
    """Start what the configuration asks for; returns the servers, which answer already.

    The port opens before the database is there: a probe that asks only who listens is answered.
    """
    given: Settings = shop.settings
    if not given.http:
        threading.Thread(target=_later, args=(shop, "cron", stop), name=BACKGROUND, daemon=True).start()
        return []
    sessions = store(given, environment)
    answers: type[BaseHTTPRequestHandler]
    if command == "gevent":
        bus = Bus(shop)
        threading.Thread(target=bus.follow, args=(stop,), name=BACKGROUND, daemon=True).start()
        answers, port = pushing(shop, sessions, bus), given.gevent_port
    else:
        answers, port = answering(shop, sessions), given.http_port
    server = Server((given.interface, port), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if command != "gevent":
        threading.Thread(
            target=_later, args=(shop, "jobs" if given.jobs else "", stop), name=BACKGROUND, daemon=True
        ).start()
    return [server]


def _later(shop: Shop, kind: str, stop: threading.Event) -> None:
    prepare(shop)
    if kind:
        scheduled.follow(shop, kind, stop)


def main() -> None:
    """Run until the pod is stopped, or neutralise a copy and end."""
    given = arguments()
    try:
        settings = read(given.config, os.environ)
    except SettingsError as error:
        sys.exit(f"odoo: {error}")
    shop = Shop(settings, os.environ)
    if given.command == "neutralize":
        neutralise.neutralise(shop.database)
        return
    print(f"{WORDS} ({settings.database}, {given.command or 'odoo'})", flush=True)  # noqa: T201
    stop = threading.Event()

    def told(_: int, __: FrameType | None) -> None:
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, told)
    servers = serve(shop, given.command or "", os.environ, stop)
    stop.wait()
    for server in servers:
        server.shutdown()
    shop.close()


if __name__ == "__main__":
    main()
