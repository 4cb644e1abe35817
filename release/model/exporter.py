"""The model as targets of a real Prometheus: one address, a path for each target."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from components.monitoring.pace import Pace
from components.monitoring.relabelling import METRICS
from release.model.exposition import text
from release.model.shops import Model
from release.model.sources import samples, targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from release.model.effects import Effect
    from spec.fleet import Fleet

QUICK: Final = Pace(interval=3, window=30, hour=90, day=360, week=180)
"""The pace of a story that people watch: what takes production five minutes takes half a minute.

It is no quicker, because a busy machine may need a second or two for an answer.
"""


class Exporter:
    """A model that listens on a port of this machine, until it is left."""

    def __init__(self, fleet: Fleet, pace: Pace = QUICK, clock: Callable[[], float] = time.time) -> None:
        self._environment = fleet.environment.name.value
        self._clock = clock
        self._fleet = fleet
        self._model = Model(fleet.tenants, pace, at=clock())
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        """Begin to answer."""
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = model.page(self.path)
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing: Prometheus asks every few seconds."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering: every figure is missing from then on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def address(self) -> str:
        """Host and port; raises `RuntimeError` for a model that does not listen."""
        if self._server is None:
            raise RuntimeError("the model listens only inside its block")
        return f"127.0.0.1:{self._server.server_address[1]}"

    def release(self, tenant: str, version: str, effect: Effect) -> None:
        """Give a shop a release from now on; the same version again changes nothing."""
        self._model.release(tenant, version, effect, at=self._clock())

    def page(self, path: str) -> str | None:
        """Return the metrics at a path; None: nothing is there."""
        at = self._clock()
        source, _, cell = path.strip("/").partition("/")
        found = samples(source, cell, self._environment, self._model.shops(at), at)
        return None if found is None else text(found)

    def targets(self) -> list[dict[str, Any]]:
        """Return the entries of `scrape_configs` for the model, relabelled as the monitors do it in a cluster."""
        found: dict[str, list[dict[str, str]]] = {}
        for source, cell in targets(self._fleet):
            found.setdefault(source, []).append({"cell": cell} if cell else {})
        return [self._job(source, own) for source, own in found.items()]

    def _job(self, source: str, targets: Sequence[dict[str, str]]) -> dict[str, Any]:
        statics = [
            {
                "targets": [self.address],
                "labels": {
                    "source": source,
                    **own,
                    "__metrics_path__": "/".join(("", source, *own.values())),
                },
            }
            for own in targets
        ]
        return {
            "job_name": source,
            "honor_labels": True,
            "static_configs": statics,
            "metric_relabel_configs": list(METRICS.get(source, ())),
        }
