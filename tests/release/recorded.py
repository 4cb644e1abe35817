"""A Prometheus of canned answers, over real HTTP; and the world of a tenant that is well, to be made unwell."""

import json
import re
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from components.monitoring.checks import CHECKS
from release.gates.definition import IMPACTS
from release.gates.verdict import Sample, Series

SELECTOR = re.compile(r'gate:(check|value)\{tenant="([^"]+)",layer="([^"]+)",check=~"([^"]+)"\}')
IMPACT = re.compile(
    r'avg_over_time\(gate:value\{tenant="([^"]+)",layer="platform",check="(\w+)"\}\[\d+m\]( @ \d+)?\)$'
)


class Well:
    """Answers as the monitoring would of tenants that are well. `values` and `silent` make it otherwise."""

    def __init__(self, *, impact=(1.0, 1.0)):
        self.values = {}
        """(tenant, check) -> value; 1 unless stated."""
        self.silent = set()
        """(tenant, check) without any series."""
        self.age = timedelta()
        """How long ago the last sample was taken."""
        self.unmeasured = set()
        """(tenant, check) without a figure: the rules of the monitoring then answer 0."""
        self.impact = dict.fromkeys((each.figure for each in IMPACTS), impact)
        self.asked = []

    def ask(self, query, at):
        self.asked.append(query)
        found = SELECTOR.match(query)
        if found:
            return list(self._checks(*found.groups(), at))
        tenant, figure, before = IMPACT.match(query).groups()
        values = self.impact[figure]
        if values is None:
            return []
        sample = Sample(at=at, value=values[0] if before else values[1])
        return [Series(labels={"tenant": tenant}, samples=(sample,))]

    def _checks(self, kind, tenant, layer, names, at):
        for check in CHECKS:
            if check.layer != layer or check.name not in names.split("|"):
                continue
            if (tenant, check.name) in self.silent:
                continue
            value = self.values.get((tenant, check.name), 1.0)
            if (tenant, check.name) in self.unmeasured:
                if kind == "value":
                    continue
                value = 0.0
            yield Series(
                labels={"tenant": tenant, "layer": layer, "check": check.name},
                samples=tuple(
                    Sample(at=at - self.age - timedelta(minutes=back), value=value)
                    for back in range(7, -1, -1)
                ),
            )


@contextmanager
def served(answer):
    """Serve ``answer(query, at) -> (status, body)`` as Prometheus does, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body = answer(form["query"][0], float(form["time"][0]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_json(series):
    """Write series as Prometheus answers them."""
    result = [
        {"metric": dict(each.labels), "values": [[s.at.timestamp(), str(s.value)] for s in each.samples]}
        for each in series
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def an_application(revision="b" * 40, *, at, health="Healthy", sync="Synced", phase="Succeeded"):
    """Return an Application whose synchronisation ended at a time."""
    return {
        "status": {
            "sync": {"status": sync, "revision": revision},
            "health": {"status": health},
            "operationState": {"phase": phase, "finishedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}"},
        }
    }
