"""A synthetic order: whether somebody can order from this shop now, in the time that an order may take.

    python -m probes.order

It runs in the tenant's namespace, as a user that may make orders and may see and delete its own ones alone. The order
is a quotation for that very user over one piece of a product of its own, with a number of its own, so that no number
of the shop's is used up. It is never confirmed: nothing is picked, delivered, billed or mailed. When it was read back
it is cancelled and deleted; what a run that was killed left behind, the next one takes away before it begins.

Settings (environment): STOREFLEET_SHOP, STOREFLEET_TENANT, STOREFLEET_PROBE_PASSWORD. It ends with 0: placed and taken
back; 1: not; 2: a setting is missing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from probes.jsonrpc import Client, ShopTroubleError
from spec.naming import SYNTHETIC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANSWER_SECONDS: Final = 20.0
"""Longest that one answer may take."""
ORDER_SECONDS: Final = 10.0
"""Chosen: longest that making and reading an order may take. A visitor waits 2 s for a page, an order is several."""
AT_ONCE: Final = 50
"""Most orders that are taken away in one run, so that it ends in its time."""
_CANCELLED: Final = "cancel"
_SETTINGS: Final = ("STOREFLEET_SHOP", "STOREFLEET_TENANT", "STOREFLEET_PROBE_PASSWORD")


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An order that was placed and taken back."""

    seconds: float
    """What making and reading it took."""
    left_behind: int
    """Orders of runs before that were taken away."""


def place(shop: Client, clock: Callable[[], float] = time.monotonic) -> Placed:
    """Place an order, read it back and take it away, and before that whatever runs before have left.

    Raises:
        ShopTroubleError: one of these was not done, or took too long. An order that stands is taken away if it can be.

    """
    shop.sign_in()
    left = _mine(shop)
    _take_away(shop, left)
    customer, product = _customer(shop), _product(shop)
    began = clock()
    order = _made(shop, customer, product)
    try:
        _read_back(shop, order)
        seconds = clock() - began
    finally:
        _take_away(shop, [order])
    if seconds > ORDER_SECONDS:
        raise ShopTroubleError(f"the order took {seconds:.1f} s, and may take {ORDER_SECONDS:g} s")
    return Placed(seconds=seconds, left_behind=len(left))


def _mine(shop: Client) -> list[int]:
    domain = [["client_order_ref", "=", SYNTHETIC], ["create_uid", "=", shop.user]]
    return shop.ask("sale.order", "search", domain, limit=AT_ONCE)


def _customer(shop: Client) -> int:
    (found,) = shop.ask("res.users", "read", [shop.user], ["partner_id"])
    return found["partner_id"][0]


def _product(shop: Client) -> int:
    found = shop.ask("product.product", "search", [["default_code", "=", SYNTHETIC]], limit=1)
    if not found:
        raise ShopTroubleError(f"the shop has no product with the internal reference {SYNTHETIC}")
    return found[0]


def _made(shop: Client, customer: int, product: int) -> int:
    line = [0, 0, {"product_id": product, "product_uom_qty": 1}]
    order = {
        "name": f"{SYNTHETIC}/{uuid4().hex[:12]}",
        "partner_id": customer,
        "client_order_ref": SYNTHETIC,
        "origin": SYNTHETIC,
        "user_id": shop.user,
        "order_line": [line],
    }
    made = shop.ask("sale.order", "create", order)
    if not isinstance(made, int):
        raise ShopTroubleError("the shop made an order and does not say which")
    return made


def _read_back(shop: Client, order: int) -> None:
    found: list[dict[str, Any]] = shop.ask("sale.order", "read", [order], ["state", "order_line"])
    if len(found) != 1 or found[0]["state"] != "draft" or len(found[0]["order_line"]) != 1:
        raise ShopTroubleError("the shop has another order than the one that was made")


def _take_away(shop: Client, orders: list[int]) -> None:
    """Cancel and delete orders: Odoo deletes an order that is a draft or cancelled."""
    if not orders:
        return
    states = shop.ask("sale.order", "read", orders, ["state"])
    standing = [each["id"] for each in states if each["state"] != _CANCELLED]
    if standing:
        # Otherwise Odoo may answer with a window that asks a person whether to send a mail.
        shop.ask("sale.order", "action_cancel", standing, context={"disable_cancel_warning": True})
        after = shop.ask("sale.order", "read", standing, ["state"])
        if any(each["state"] != _CANCELLED for each in after):
            raise ShopTroubleError("the shop did not cancel a synthetic order")
    shop.ask("sale.order", "unlink", orders)


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Place one order, say how it went in one line of JSON, and return the status to end with."""
    missing = [name for name in _SETTINGS if not environment.get(name)]
    if missing:
        print(f"probes.order: {', '.join(missing)} must be set", file=sys.stderr)  # noqa: T201
        return 2
    url, tenant, password = (environment[name] for name in _SETTINGS)
    shop = Client(url=url, database=tenant, login=SYNTHETIC, password=password, seconds=ANSWER_SECONDS)
    said: dict[str, object] = {"probe": "order", "tenant": tenant}
    try:
        placed = place(shop)
    except ShopTroubleError as trouble:
        said |= {"placed": False, "problem": str(trouble)}
    except (LookupError, TypeError, ValueError):
        said |= {"placed": False, "problem": "the shop answers in another form than Odoo does"}
    else:
        said |= {"placed": True, "seconds": round(placed.seconds, 3), "left_behind": placed.left_behind}
    print(json.dumps(said), flush=True)  # noqa: T201 - the log of the pod
    return 0 if said["placed"] else 1


if __name__ == "__main__":
    sys.exit(main())
