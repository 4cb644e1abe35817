"""The synthetic order, placed in a shop that answers over HTTP: good, refused, slow, broken off, and taken away."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count

import pytest

from probes import order
from probes.jsonrpc import Client, ShopTroubleError
from spec.naming import SYNTHETIC
from tests.probes.shop import (
    DATABASE,
    LOGIN,
    OTHER_USER,
    PARTNER,
    PASSWORD,
    PRODUCT,
    RIGHTS,
    USER,
    FaultError,
    Shop,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def shop():
    with Shop() as running:
        yield running


def client(shop, **changes):
    own = {"url": shop.url, "database": DATABASE, "login": LOGIN, "password": PASSWORD, "seconds": 60}
    return Client(**own | changes)


def settings(shop, **changes):
    return {
        "STOREFLEET_SHOP": shop.url,
        "STOREFLEET_TENANT": DATABASE,
        "STOREFLEET_PROBE_PASSWORD": PASSWORD,
    } | changes


def at(*wanted, error):
    """Raise an error when a method is called."""

    def act(model, method):
        if (model, method) == wanted:
            raise error

    return act


def standing(number, *, user=USER, state="draft", mark=SYNTHETIC):
    return {
        number: {"state": state, "create_uid": user, "client_order_ref": mark, "order_line": [[0, 0, {}]]}
    }


def test_an_order_is_placed_read_back_and_nothing_of_it_is_left(shop):
    placed = order.place(client(shop))
    assert placed.seconds >= 0
    assert placed.left_behind == 0
    assert shop.orders == {}, "a shop would have an order that nobody placed"
    (made,) = shop.made
    assert made["client_order_ref"] == made["origin"] == SYNTHETIC, "a figure would count it"
    assert made["name"].startswith(f"{SYNTHETIC}/"), "it would use up a number of the shop's"
    assert (made["partner_id"], made["user_id"]) == (PARTNER, USER)
    assert made["order_line"] == [[0, 0, {"product_id": PRODUCT, "product_uom_qty": 1}]]


def test_it_does_nothing_that_its_user_has_no_right_to_and_confirms_nothing(shop):
    shop.orders |= standing(1)
    order.place(client(shop))
    assert set(shop.asked) == RIGHTS, "the rights on file are others than it needs"


def test_a_login_that_is_refused_is_said_without_the_password(shop, capsys):
    assert order.main(settings(shop, STOREFLEET_PROBE_PASSWORD="wrong-" + PASSWORD)) == 1
    said = capsys.readouterr().out
    assert json.loads(said)["problem"] == f"the shop does not let the user {SYNTHETIC} in"
    assert PASSWORD not in said


def test_an_order_that_takes_too_long_is_a_failure_and_is_taken_away_all_the_same(shop):
    ticks = count(0, order.ORDER_SECONDS + 0.5)
    with pytest.raises(ShopTroubleError, match=r"the order took 10\.5 s, and may take 10 s"):
        order.place(client(shop), clock=lambda: next(ticks))
    assert shop.orders == {}


def test_an_order_in_just_the_time_that_it_may_take_is_good(shop):
    ticks = count(0, order.ORDER_SECONDS)
    assert order.place(client(shop), clock=lambda: next(ticks)).seconds == order.ORDER_SECONDS


def test_an_answer_that_does_not_come_in_time_is_a_failure(shop):
    def hang(model, method):
        if method == "create":
            released.wait(120)

    released = threading.Event()
    shop.before = hang
    try:
        with pytest.raises(ShopTroubleError, match="the shop does not answer: TimeoutError"):
            order.place(client(shop, seconds=0.5))
    finally:
        released.set()


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            FaultError("odoo.exceptions.AccessError", "You may not\n create"),
            "refuses: .*AccessError: You may not create",
        ),
        (FaultError("psycopg2.errors.InFailedSqlTransaction", "x" * 999), r"refuses: psycopg2.*x\.\.\.$"),
        (OverflowError(), "answers with status 502"),
        (ConnectionAbortedError(), "does not answer: RemoteDisconnected"),
    ],
    ids=["rights", "database", "router", "process"],
)
def test_whatever_keeps_an_order_from_being_made_is_said_in_one_line(shop, capsys, error, problem):
    shop.before = at("sale.order", "create", error=error)
    with pytest.raises(ShopTroubleError, match=problem):
        order.place(client(shop))
    assert order.main(settings(shop)) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert said.err == ""
    assert PASSWORD not in said.out, "Odoo's traceback would be in the log"
    assert shop.orders == {}


def test_an_order_whose_answer_was_lost_is_taken_away_by_the_next_run(shop):
    shop.after = at("sale.order", "create", error=ConnectionAbortedError())
    with pytest.raises(ShopTroubleError, match="RemoteDisconnected"):
        order.place(client(shop))
    assert len(shop.orders) == 1, "the shop made it, and the probe never knew which"
    shop.after = lambda _model, _method: None
    assert order.place(client(shop)).left_behind == 1
    assert shop.orders == {}


@pytest.mark.parametrize("state", ["draft", "sent", "sale", "cancel"])
def test_an_order_that_a_run_left_in_any_state_is_cancelled_and_deleted(shop, state):
    shop.orders |= standing(5, state=state)
    assert order.place(client(shop)).left_behind == 1
    assert shop.orders == {}


def test_a_run_that_cannot_read_its_order_takes_it_away_before_it_fails(shop):
    shop.before = lambda model, method: [] if (model, method) == ("sale.order", "read") else None
    with pytest.raises(ShopTroubleError, match="another order than the one that was made"):
        order.place(client(shop))
    assert shop.orders == {}


def test_orders_of_others_and_those_without_the_mark_stay(shop):
    shop.orders |= standing(1, user=OTHER_USER) | standing(2, mark="PO-17")
    order.place(client(shop))
    assert set(shop.orders) == {1, 2}, "the probe would delete a customer's order"


def test_an_order_that_the_shop_does_not_cancel_is_a_failure(shop):
    shop.cancels = False
    with pytest.raises(ShopTroubleError, match="did not cancel"):
        order.place(client(shop))


def test_a_shop_without_the_product_is_told_what_it_lacks_and_gets_no_order(shop):
    shop.product = False
    with pytest.raises(ShopTroubleError, match=f"no product with the internal reference {SYNTHETIC}"):
        order.place(client(shop))
    assert shop.made == []


@pytest.mark.parametrize("answer", [{}, 17, "odoo", [{}], [[]]])
def test_answers_of_another_form_are_a_failure_and_no_traceback(shop, capsys, answer):
    shop.before = lambda model, _method: answer if model == "res.users" else None
    assert order.main(settings(shop)) == 1
    assert "another form" in capsys.readouterr().out


def test_a_good_run_says_so_in_one_line_and_ends_with_0(shop, capsys):
    assert order.main(settings(shop)) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["probe"], said["tenant"], said["placed"], said["left_behind"]) == (
        "order",
        DATABASE,
        True,
        0,
    )


def test_a_setting_that_is_missing_is_named_and_ends_with_2(shop, capsys):
    assert order.main(settings(shop, STOREFLEET_PROBE_PASSWORD="")) == 2
    assert capsys.readouterr().err == "probes.order: STOREFLEET_PROBE_PASSWORD must be set\n"


def test_a_redirect_is_not_followed_with_the_password():
    reached = []

    class Elsewhere(BaseHTTPRequestHandler):
        def _serve(self):
            reached.append(self.path)
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_GET = do_POST = _serve  # noqa: N815 (the library looks for these names)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(ShopTroubleError, match="status 307"):
            Client(url=url, database=DATABASE, login=LOGIN, password=PASSWORD, seconds=60).sign_in()
        server.shutdown()
        thread.join()
    assert reached == ["/jsonrpc"]


def test_the_password_is_in_no_description_of_the_client(shop):
    assert PASSWORD not in repr(client(shop))
