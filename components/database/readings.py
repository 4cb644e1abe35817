"""What is read of Odoo's tables for the figures of the checks, a table at a time."""

from dataclasses import dataclass
from typing import Final, Literal

from spec.naming import SYNTHETIC


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One column of a query."""

    name: str
    usage: Literal["GAUGE", "COUNTER"]
    means: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read of one table of Odoo."""

    module: str
    """How the table's module is called here; empty for what every database of Odoo has."""
    table: str
    figures: tuple[Figure, ...]
    where: str = ""
    beside: tuple[str, ...] = ()
    """Further tables that are read."""
    nothing_without: str = ""
    """A table beside without which there is nothing to wait for: the figures are 0 then."""


def gauge(name: str, sql: str, means: str) -> Figure:
    """Return a figure that goes up and down."""
    return Figure(name=name, usage="GAUGE", means=means, sql=sql)


_NOW: Final = "(now() AT TIME ZONE 'utc')"
_HOUR_AGO: Final = f"{_NOW} - interval '1 hour'"


def _age(moment: str) -> str:
    return f"greatest(extract(epoch FROM {_NOW} - {moment}), 0)"


def _counted(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


_REAL: Final = f"client_order_ref IS DISTINCT FROM '{SYNTHETIC}'"
"""Orders that are not the monitoring's own."""
_WAITING: Final = "state IN ('pending', 'enqueued')"
_WITHOUT_DELIVERY: Final = (
    "state IN ('sale', 'done') AND EXISTS (SELECT FROM ONLY public.sale_order_line AS l"
    " JOIN ONLY public.product_product AS p ON p.id = l.product_id"
    " JOIN ONLY public.product_template AS t ON t.id = p.product_tmpl_id"
    " WHERE l.order_id = o.id AND t.type <> 'service')"
    " AND NOT EXISTS (SELECT FROM ONLY public.stock_picking AS s WHERE s.origin = o.name)"
)

READINGS: Final = (
    Reading(
        module="",
        table="ir_cron",
        where="active",
        figures=(
            gauge(
                "odoo_cron_lag_seconds",
                f"coalesce(max({_age('nextcall')}), 0)",
                "How late the latest scheduled action is, in seconds.",
            ),
        ),
    ),
    Reading(
        module="",
        table="ir_module_module",
        figures=(
            gauge(
                "odoo_modules_in_between",
                _counted("state IN ('to install', 'to upgrade', 'to remove')"),
                "Modules that a migration has not finished.",
            ),
        ),
    ),
    Reading(
        module="jobs",
        table="queue_job",
        figures=(
            gauge("jobs_waiting", _counted(_WAITING), "Jobs that wait."),
            gauge(
                "jobs_oldest_seconds",
                f"coalesce(max({_age('coalesce(eta, date_created)')}) FILTER (WHERE {_WAITING}), 0)",
                "How long ago the oldest job that waits was due, in seconds.",
            ),
            gauge("jobs_failed", _counted("state = 'failed'"), "Jobs that were given up, since ever."),
        ),
    ),
    Reading(
        module="sales",
        table="sale_order",
        where=f"date_order >= {_HOUR_AGO} AND date_order <= {_NOW} AND {_REAL}",
        figures=(
            gauge(
                "sales_placed",
                _counted("state IN ('sale', 'done', 'cancel')"),
                "Orders of the last hour, those that were cancelled included.",
            ),
            gauge(
                "sales_failed",
                _counted("state = 'cancel'"),
                "Orders of the last hour that were cancelled.",
            ),
        ),
    ),
    Reading(
        module="",
        table="sale_order",
        where=(
            f"date_order >= {_NOW} - interval '1 day' AND date_order <= {_NOW} AND {_REAL} AND {_WITHOUT_DELIVERY}"
        ),
        beside=("sale_order_line", "product_product", "product_template", "stock_picking"),
        nothing_without="stock_picking",
        figures=(
            gauge(
                "sales_unsynchronised_seconds",
                f"coalesce(max({_age('date_order')}), 0)",
                "Age of the oldest confirmed order of the last day that nobody was told to pick, in seconds.",
            ),
        ),
    ),
    Reading(
        module="pos",
        table="pos_order",
        where=f"create_date >= {_HOUR_AGO}",
        figures=(
            gauge(
                "pos_placed",
                _counted("state IN ('paid', 'done', 'invoiced', 'cancel')"),
                "Orders that tills passed on in the last hour, those that were cancelled included.",
            ),
            gauge(
                "pos_failed",
                _counted("state = 'cancel'"),
                "Orders that tills passed on in the last hour and that were cancelled.",
            ),
            gauge(
                "pos_unsynchronised_seconds",
                "coalesce(max(greatest(extract(epoch FROM create_date - date_order), 0)), 0)",
                "Longest that an order took from a till to the shop in the last hour, in seconds.",
            ),
        ),
    ),
    Reading(
        module="payments",
        table="payment_transaction",
        where=f"last_state_change >= {_HOUR_AGO}",
        figures=(
            gauge(
                "payments_placed",
                _counted("state IN ('authorized', 'done', 'cancel', 'error')"),
                "Payments of the last hour that ended, well or not.",
            ),
            gauge(
                "payments_failed", _counted("state = 'error'"), "Payments of the last hour that were refused."
            ),
        ),
    ),
    Reading(
        module="stock",
        table="stock_move",
        where=f"state = 'done' AND date <= {_NOW}",
        figures=(
            gauge(
                "stock_age_seconds",
                f"coalesce({_age('max(date)')}, 0)",
                "How long ago stock was last moved, in seconds; 0 for a shop that has not moved any yet.",
            ),
        ),
    ),
)
MODULES: Final = tuple(each.module for each in READINGS if each.module)
