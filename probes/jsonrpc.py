"""A client of Odoo's JSON-RPC, of the standard library alone: a probe starts every few minutes, and starts quickly.

Odoo 18 and 19 have `/jsonrpc`. In 19 it is deprecated; what takes its place, `/json/2`, is not in 18.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final, cast

_SAID: Final = 200
"""Characters that are kept of what a shop says of its mistakes."""
_MOST_BYTES: Final = 1_000_000
"""Most that is read of one answer."""


class ShopTroubleError(Exception):
    """The shop did not do what it was asked to. The message holds nothing that was sent: a password is among it."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow nobody: a password goes to the shop, and to no address that an answer names."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


@dataclass
class Client:
    """One user of one database."""

    url: str
    """Of the shop inside the cluster, such as http://odoo.t-acme.svc:8069."""
    database: str
    login: str
    password: str = field(repr=False)
    seconds: float
    """Longest that one answer may take."""
    _user: int = 0

    def __post_init__(self) -> None:
        # No proxy of the surroundings either.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())

    @property
    def user(self) -> int:
        """Id of the user; 0 before it has signed in."""
        return self._user

    def sign_in(self) -> None:
        """Sign in; raises `ShopTroubleError` where the shop does not know the user or its password."""
        found = self._call("common", "authenticate", [self.database, self.login, self.password, {}])
        if not isinstance(found, int) or isinstance(found, bool):
            raise ShopTroubleError(f"the shop does not let the user {self.login} in")
        self._user = found

    def ask(self, model: str, method: str, *args: object, **named: object) -> Any:  # noqa: ANN401 - of any model
        """Return what a method of a model answers; raises `ShopTroubleError`."""
        own = [self.database, self._user, self.password, model, method, list(args), named]
        return self._call("object", "execute_kw", own)

    def _call(self, service: str, method: str, args: list[Any]) -> Any:  # noqa: ANN401
        params = {"service": service, "method": method, "args": args}
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}).encode()
        request = urllib.request.Request(  # noqa: S310 - an address of the plan, and of no user
            f"{self.url}/jsonrpc", data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with self._opener.open(request, timeout=self.seconds) as answer:
                found: Any = json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            error.close()
            raise ShopTroubleError(f"the shop answers with status {error.code}") from None
        except (OSError, HTTPException) as error:
            raise ShopTroubleError(f"the shop does not answer: {type(error).__name__}") from None
        except ValueError:
            raise ShopTroubleError("the shop answers with something that is no JSON") from None
        if not isinstance(found, dict):
            raise ShopTroubleError("the shop answers with something that is no JSON-RPC")
        content = cast("dict[str, Any]", found)
        if "error" in content:
            raise ShopTroubleError(f"the shop refuses: {_refusal(content['error'])}")
        return content.get("result")


def _refusal(error: Any) -> str:  # noqa: ANN401 - whatever the shop says
    """Return the name and the message of a mistake on one line, without the traceback that Odoo adds."""
    about = cast("dict[str, Any]", error).get("data") if isinstance(error, dict) else None
    if not isinstance(about, dict):
        return "it does not say why"
    told = cast("dict[str, Any]", about)
    text = " ".join(f"{told.get('name', 'Error')}: {told.get('message', '')}".split())
    return text if len(text) <= _SAID else f"{text[:_SAID]}..."
