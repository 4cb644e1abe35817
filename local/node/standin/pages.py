"""What answers HTTP: Odoo's own paths, as far as the platform or a test of it asks for them, and a till's."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import redis

from . import WORDS
from .database import VERSION, BusyError
from .faults import FaultError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shop import Shop

COOKIE = "session_id"
MOST_BYTES = 128 * 2**20
"""Odoo's own limit of what is uploaded at once."""
_FILE = re.compile(r"/web/content/(\d+)\Z")


class Answer(Exception):  # noqa: N818 - it ends a request, well or not
    """What a visitor is told: a status, a document and whether his session changed."""

    def __init__(self, status: int, document: object, *, kind: str = "application/json") -> None:
        super().__init__(status)
        self.status, self.kind = status, kind
        self.body = document if isinstance(document, bytes) else json.dumps(document, sort_keys=True).encode()


class Pages(BaseHTTPRequestHandler):
    """The answers of one process; `shop` and `sessions` are given by `answering`."""

    shop: Shop
    sessions: Any
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "stand-in", ""
    timeout = 120

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Write nothing: the ingress controller has the request in its log."""

    def _answer(self, work: Callable[[str, dict[str, list[str]]], Answer]) -> None:
        self._cookie = ""
        split = urlsplit(self.path)
        try:
            answer = work(split.path, parse_qs(split.query))
        except Answer as early:
            answer = early
        except FaultError as error:
            answer = Answer(500, {"error": str(error), "stand-in": WORDS})
        except (psycopg.Error, BusyError, redis.RedisError, OSError) as error:
            answer = Answer(500, {"error": type(error).__name__, "stand-in": WORDS})
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if self._cookie:
            self.send_header("Set-Cookie", f"{COOKIE}={self._cookie}; Path=/; HttpOnly; SameSite=Lax")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _get(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path == "/web/health":
            return self._health(asked=query.get("db_server_status") == ["1"])
        if path in {"/", "/web", "/web/login", "/shop"}:
            counted = self.shop.counted()
            page = (
                f"<!doctype html><title>{self.shop.settings.database}</title><h1>{self.shop.settings.database}</h1>"
                f"<p>{WORDS}.</p><p>{counted['orders']} orders, {counted['files']} files.</p>"
            )
            return Answer(200, page.encode(), kind="text/html; charset=utf-8")
        if path.startswith("/web/database"):
            # Odoo would answer here, so the edge has to stand in the way.
            return Answer(200, {"databases": [self.shop.settings.database], "stand-in": WORDS})
        if path == "/web/session/get_session_info":
            return self._who()
        return self._stored(path)

    def _stored(self, path: str) -> Answer:
        if path == "/orders":
            return Answer(200, self.shop.counted())
        if found := _FILE.match(path):
            data = self.shop.content(int(found[1]))
            kind = "application/octet-stream"
            return Answer(404, {"error": "no such file"}) if data is None else Answer(200, data, kind=kind)
        return Answer(404, {"error": "no such page", "stand-in": WORDS})

    def _post(self, path: str, _: dict[str, list[str]]) -> Answer:
        body = self._body()
        if path == "/web/login":
            return self._sign_in(self._document(body))
        if path == "/web/session/get_session_info":
            return self._who()
        if path == "/orders":
            given = self._document(body)
            reference, quantity = given.get("reference"), given.get("quantity", 1)
            if not isinstance(reference, str) or not reference or not isinstance(quantity, int):
                raise Answer(400, {"error": "an order needs a reference, and a whole quantity"})
            made = self.shop.order(reference, quantity)
            return Answer(HTTPStatus.OK if made["again"] else HTTPStatus.CREATED, made)
        if path == "/jobs":
            given = self._document(body)
            self.shop.queue(str(given.get("uuid", "")), given)
            return Answer(HTTPStatus.ACCEPTED, {"queued": given.get("uuid")})
        if path == "/web/binary/upload_attachment":
            return Answer(HTTPStatus.CREATED, {"id": self.shop.attach("upload", body)})
        return Answer(404, {"error": "no such page", "stand-in": WORDS})

    def _health(self, *, asked: bool) -> Answer:
        if not asked:
            return Answer(200, {"status": "pass", "stand-in": WORDS})
        well = self.shop.reachable()
        status = {"status": "pass" if well else "fail", "db_server_status": well, "version": VERSION}
        return Answer(200 if well else 500, {**status, "stand-in": WORDS})

    def _sign_in(self, given: dict[str, Any]) -> Answer:
        number = self.shop.user(str(given.get("login", "")))
        if number is None:
            raise Answer(403, {"error": "nobody of this name may sign in"})
        session = self.sessions.new()
        session["uid"], session["login"] = number, given["login"]
        self.sessions.save(session)
        self._cookie = session.sid
        return Answer(200, {"uid": number})

    def _who(self) -> Answer:
        try:
            sent = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            sent = None
        session = self.sessions.get(sent.value) if sent else None
        if session is None or not session.get("uid"):
            raise Answer(403, {"error": "session expired"})
        return Answer(200, {"uid": session["uid"], "login": session["login"]})

    def _body(self) -> bytes:
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= MOST_BYTES:
            self.close_connection = True
            raise Answer(413, {"error": f"at most {MOST_BYTES} bytes"})
        return self.rfile.read(length)

    def _document(self, body: bytes) -> dict[str, Any]:
        try:
            found: object = json.loads(body or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Answer(400, {"error": "a JSON object is needed"})
        return {str(key): value for key, value in found.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]


def answering(shop: Shop, sessions: Any) -> type[Pages]:  # noqa: ANN401 - the store of another module
    """Return what answers the requests of one process."""
    return type("Answering", (Pages,), {"shop": shop, "sessions": sessions})
