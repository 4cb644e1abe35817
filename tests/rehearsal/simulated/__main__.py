"""The simulated AWS of the rehearsal: moto's server, and in front of it what moto lacks.

    python -m tests.rehearsal.simulated PORT

Runs in the environment of the group `rehearsal`, which has moto and nothing of Storefleet, so nothing of
Storefleet is imported here. It listens on loopback alone and keeps everything in memory. `/_rehearsal/lost` takes
the name of a region that answers nothing from then on (empty: all answer), `/_rehearsal/expire` after how many calls
the credentials expire (empty: never), and `/_rehearsal/unknown` lists the calls that nobody here could answer.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tests.rehearsal.simulated import additions, caches
from tests.rehearsal.simulated.additions import backup, cloudtrail, kms, s3
from tests.rehearsal.simulated.clusters import eks
from tests.rehearsal.simulated.filesystems import efs
from tests.rehearsal.simulated.kept import ACCOUNT, KEPT, Answer, Call, Json, Refused
from tests.rehearsal.simulated.money import anomalies, budgets

SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
SERVICES = {
    "eks": eks,
    "kms": kms,
    "budgets": budgets,
    "ce": anomalies,
    "backup": backup,
    "cloudtrail": cloudtrail,
    "s3": s3,
    "elasticfilesystem": efs,
}


class Front:
    """Answers what it knows, and hands moto the rest."""

    def __init__(self, behind: Callable[..., Iterable[bytes]]) -> None:
        self.behind = behind

    def __call__(self, environ: Json, start: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        raw = environ["wsgi.input"].read(length) if length else b""
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        path, _, query = environ.get("REQUEST_URI", environ["PATH_INFO"]).partition("?")
        if path.startswith("/_rehearsal/"):
            return self.about(path, query, start)
        region, service = (scope["region"], scope["service"]) if scope else ("", "")
        if region in KEPT.lost:
            return reply(start, 503, {"__type": "ServiceUnavailable", "message": f"{region} does not answer"})
        if scope and KEPT.expired():
            return expired(start, service, environ.get("CONTENT_TYPE", ""))
        target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        called = f"{service} {target or environ['REQUEST_METHOD'] + ' ' + path}"
        if service not in SERVICES:
            return self.pass_on(environ, raw, start, called)
        call = Call(
            method=environ["REQUEST_METHOD"],
            parts=[unquote(part) for part in path.split("/")[1:]],
            query=parse_qs(query, keep_blank_values=True),
            body=json.loads(raw) if raw[:1] == b"{" and service != "s3" else {},
            raw=raw,
            region=region,
            service=service,
            target=target,
            forward=lambda: self.ask(environ, raw),
        )
        try:
            with KEPT.lock:
                answer = self.answer(call, path)
        except Refused as error:
            body = {"__type": error.code, "message": str(error), "Message": str(error)}
            return reply(start, error.status, body, error.code)
        return reply(start, *answer) if answer else self.pass_on(environ, raw, start, called)

    def answer(self, call: Call, path: str) -> Answer | None:
        """Answer a call; one that is made again, because its answer did not arrive, is answered as before."""
        token = call.body.get("clientRequestToken")
        key = (call.service, call.region, path, str(token))
        if token and key in KEPT.answered:
            return KEPT.answered[key]
        answer = SERVICES[call.service](call)
        if token and answer and answer[0] < 300:
            KEPT.answered[key] = answer
        return answer

    def pass_on(self, environ: Json, raw: bytes, start: Callable[..., Any], called: str) -> Iterable[bytes]:
        def watch(status: str, headers: list[tuple[str, str]], *more: object) -> object:
            html = any(k.lower() == "content-type" and "html" in v for k, v in headers)
            if status.startswith("5") or (status.startswith("404") and html and not called.startswith("s3 ")):
                KEPT.unknown[called] = KEPT.unknown.get(called, 0) + 1
            return start(status, headers, *more)

        try:
            with KEPT.lock:  # moto reads a dictionary while another call changes it
                return list(self.behind({**environ, "wsgi.input": BytesIO(raw)}, watch))
        except Exception as error:  # noqa: BLE001 - a call that moto fails on is told like any that it lacks
            KEPT.unknown[called] = KEPT.unknown.get(called, 0) + 1
            message = f"the simulated AWS cannot {called}: {type(error).__name__} {error}"
            return reply(start, 501, {"__type": "NotImplemented", "message": message}, "NotImplemented")

    def ask(self, environ: Json, raw: bytes) -> tuple[int, Json]:
        """Return moto's own answer; raises Refused where it refuses."""
        seen: list[tuple[str, dict[str, str]]] = []

        def started(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            seen.append((status, {name.lower(): value for name, value in headers}))

        text = b"".join(self.behind({**environ, "wsgi.input": BytesIO(raw)}, started))
        (told, headers), answer = seen[0], json.loads(text or b"{}")
        status = int(told.split(" ")[0])
        if status >= 400:
            code = headers.get("x-amzn-errortype") or answer.get("__type") or "UnknownError"
            raise Refused(code, str(answer.get("message") or answer.get("Message") or code), status)
        return status, answer

    def about(self, path: str, query: str, start: Callable[..., Any]) -> Iterable[bytes]:
        if path.endswith("/lost"):
            KEPT.lost = set(parse_qs(query).get("region", []))
        if path.endswith("/expire"):
            KEPT.left = next((int(after) for after in parse_qs(query).get("after", [])), None)
        return reply(start, 200, {"lost": sorted(KEPT.lost), "unknown": KEPT.unknown})


def reply(start: Callable[..., Any], status: int, body: Json | str, code: str = "") -> list[bytes]:
    kind = "application/xml" if isinstance(body, str) else "application/json"
    # What a lifecycle that says nothing of it has.
    sizes = ("x-amz-transition-default-minimum-object-size", "all_storage_classes_128K")
    headers = [
        ("Content-Type", kind),
        *([sizes] if isinstance(body, str) else []),
        *([("x-amzn-errortype", code)] if code else []),
    ]
    start(f"{status} {'OK' if status < 300 else 'Refused'}", headers)
    return [(body if isinstance(body, str) else json.dumps(body)).encode()]


def expired(start: Callable[..., Any], service: str, kind: str) -> list[bytes]:
    """Refuse a call as AWS does when a token's time is over, in the words of the service's protocol."""
    message = "The security token included in the request is expired"
    error = f"<Error><Code>ExpiredToken</Code><Message>{message}</Message></Error>"
    if service == "s3":
        return reply(start, 400, error)
    if service == "ec2":
        return reply(start, 400, f"<Response><Errors>{error}</Errors></Response>")
    if "json" in kind or service in ("eks", "backup", "elasticfilesystem", "scheduler"):
        return reply(
            start, 403, {"__type": "ExpiredTokenException", "message": message}, "ExpiredTokenException"
        )
    return reply(start, 403, f"<ErrorResponse>{error}</ErrorResponse>")


def main() -> None:
    additions.install()
    caches.install()
    server = make_server(
        "127.0.0.1", int(sys.argv[1]), Front(DomainDispatcherApplication(create_backend_app)), threaded=True,
        request_handler=MotoRequestHandler,
    )  # fmt: skip
    print(f"the simulated AWS of account {ACCOUNT} answers on port {server.port}", flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
