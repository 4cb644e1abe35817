"""A shop that speaks Odoo's JSON-RPC over HTTP: users, one product and orders, in memory, with the rights of the probe.

It is no Odoo. It holds what the probe relies on: a password with every call, orders that only their maker sees, none
deleted that is not a draft or cancelled, and no method but those that the probe's user has a right to.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE, LOGIN, PASSWORD = "acme", "storefleet-probe", "correct-horse-battery-staple"
USER, OTHER_USER, PARTNER, PRODUCT = 7, 8, 70, 700
RIGHTS = frozenset(
    {
        ("res.users", "read"),
        ("product.product", "search"),
        *(("sale.order", method) for method in ("search", "create", "read", "action_cancel", "unlink")),
    }
)


class FaultError(Exception):
    """What Odoo answers as an error: the name of an exception, and its message."""


class _Server(ThreadingHTTPServer):
    """A client that gives up in the middle is what tests do, and no error of the server's."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@dataclass
class Shop:
    """A server on loopback; `before` is called with each (model, method), and may raise or answer something else."""

    product: bool = True
    cancels: bool = True
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    """Every order that was ever made."""
    before: Callable[[str, str], Any] = lambda _model, _method: None
    after: Callable[[str, str], None] = lambda _model, _method: None
    """Called when it is done and before the answer goes out: what raises here loses the answer."""

    def __post_init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, service: str, method: str, args: list[Any]) -> Any:
        if (service, method) == ("common", "authenticate"):
            return USER if args[:3] == [DATABASE, LOGIN, PASSWORD] else False
        assert (service, method) == ("object", "execute_kw"), (service, method)
        database, user, password, model, name, values, named = args
        if (database, user, password) != (DATABASE, USER, PASSWORD):
            raise FaultError("odoo.exceptions.AccessDenied", "Access Denied")
        self.asked.append((model, name))
        if (model, name) not in RIGHTS:
            raise FaultError("odoo.exceptions.AccessError", f"You may not {name} {model}")
        other = self.before(model, name)
        found = (
            getattr(self, f"_{model.replace('.', '_')}_{name}")(*values, **named) if other is None else other
        )
        self.after(model, name)
        return found

    def _res_users_read(self, users: list[int], _fields: list[str]) -> Any:
        return [{"id": user, "partner_id": [PARTNER, "probe"]} for user in users]

    def _product_product_search(self, domain: list[list[Any]], limit: int) -> Any:
        assert domain == [["default_code", "=", LOGIN]]
        assert limit == 1
        return [PRODUCT] if self.product else []

    def _sale_order_search(self, domain: list[list[Any]], limit: int) -> Any:
        wanted = {name: value for name, _, value in domain}
        return [number for number, one in self._own() if wanted.items() <= one.items()][:limit]

    def _sale_order_create(self, order: dict[str, Any]) -> int:
        number = 1 + max(self.orders, default=0)
        self.orders[number] = {**order, "state": "draft", "create_uid": USER}
        self.made.append(order)
        return number

    def _sale_order_read(self, numbers: list[int], _fields: list[str]) -> Any:
        return [{"id": number, **one} for number, one in self._own() if number in numbers]

    def _sale_order_action_cancel(self, numbers: list[int], context: dict[str, Any]) -> Any:
        assert context == {"disable_cancel_warning": True}
        for number in numbers if self.cancels else ():
            self.orders[number]["state"] = "cancel"
        return True

    def _sale_order_unlink(self, numbers: list[int]) -> bool:
        for number in numbers:
            if self.orders[number]["state"] not in {"draft", "cancel"}:
                raise FaultError(
                    "odoo.exceptions.UserError", "You can only delete a draft or cancelled order"
                )
            del self.orders[number]
        return True

    def _own(self) -> list[tuple[int, dict[str, Any]]]:
        return [(number, one) for number, one in self.orders.items() if one["create_uid"] == USER]


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/jsonrpc"
            try:
                found = {"result": shop.answer(**body["params"])}
            except FaultError as fault:
                name, message = fault.args
                data = {"name": name, "message": message, "debug": f"Traceback\n{PASSWORD}"}
                found = {"error": {"code": 200, "message": "Odoo Server Error", "data": data}}
            except ConnectionAbortedError:
                self.close_connection = True
                return
            except OverflowError:
                self.send_error(502)
                return
            answer = json.dumps({"jsonrpc": "2.0", "id": body["id"], **found}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
