"""The figure of each check, as PromQL. Each gives one sample a tenant, with the label `tenant` and no other.

What the expressions rely on:

* `storefleet:tenant:info` has a sample for each open tenant, with its namespace, cell, tier, ring and criticality. It
  comes from the namespaces' labels, so a tenant more is a series more and never a rule more.
* Monitors put labels on what they collect: `source` (what kind of target), `cell`, `tenant` (from the name of a
  database) and `tenant_namespace` (from the ingress controller's names).
* A rate goes on for minutes after its target is gone. `fresh` ends it with the target's last sample.
* Where a module is not installed there is nothing to measure: the query of the databases says so itself
  (`cnpg_storefleet_odoo_has_*`), and only then does a figure count as 0.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from components.monitoring.orders import ORDER_PROBE
from components.monitoring.pace import Pace
from components.operators.ingress import LATENCY_OBJECTIVES
from components.recovery.jobs import BACKUP

INFO: Final = "storefleet:tenant:info"
WHO: Final = f"* on (tenant) group_left (cell, ring, criticality) {INFO}"
"""Gives what an alert says of a tenant the labels by which it is routed."""
REQUESTS: Final = "tenant:http_requests:rate"
"""Requests a second."""
SLOW_SECONDS: Final = LATENCY_OBJECTIVES[1]
"""What visitors call slow: a bound of the ingress controller's buckets."""
LEAST_REQUESTS: Final = 0.5
"""Requests a second that a share is taken of at least: one error at night is not a tenth of the shop."""
LEAST_ORDERS: Final = 50
LEAST_PAYMENTS: Final = 20
LEAST_JOBS: Final = 50
LEAST_DATABASE: Final = 0.05
"""Seconds of the database a second that a growth is measured from: a twentieth of a core."""
OPEN_ORDERS: Final = 10
"""Orders in an hour, a week ago, from which the shop counts as open."""


def by_namespace(expression: str) -> str:
    """Give what has a `tenant_namespace` its tenant."""
    return f"sum by (tenant) (({expression}) * on (tenant_namespace) group_left (tenant) {INFO})"


def by_cell(expression: str) -> str:
    """Give each tenant what its cell has."""
    return f"max by (tenant) ({INFO} * on (cell) group_left () ({expression}))"


def fresh(selector: str, window: int) -> str:
    """Return the rate of a counter, for as long as its target answers."""
    return f"(rate({selector}[{window}s]) and {selector})"


def of_module(expression: str, module: str) -> str:
    """Return a figure that a module of Odoo keeps, and 0 where the database says that it has no such module."""
    return f"({expression}) or on (tenant) max by (tenant) (cnpg_storefleet_odoo_has_{module} == 0)"


def _shop(metric: str, module: str) -> str:
    return of_module(f"max by (tenant) (cnpg_storefleet_{metric})", module)


def _inside(metric: str) -> str:
    """Give what kube-state-metrics knows of tenants' namespaces the label that joins them to their tenants."""
    return f'label_replace({metric}, "tenant_namespace", "$1", "namespace", "(t-.+)")'


def _telemetry(_: Pace) -> str:
    cell = " * on (cell) group_left () ".join(
        f'(min by (cell) (up{{source="{source}"}}))' for source in ("database", "pooler")
    )
    edge = '(min(up{source="edge"}))'
    every = f"max by (tenant) ({INFO} * on (cell) group_left () {cell} * on () group_left () {edge})"
    # A source that does not answer is no bad figure but none: it holds a release, and sends nobody back.
    return f"{every} > 0"


def _delivery(_: Pace) -> str:
    good = 'argocd_app_info{sync_status="Synced",health_status="Healthy",tenant_namespace!=""}'
    every = 'sum by (tenant_namespace) (argocd_app_info{tenant_namespace!=""})'
    return by_namespace(f"(sum by (tenant_namespace) ({good}) or {every} * 0) / {every}")


def _nodes(_: Pace) -> str:
    ready = 'kube_node_status_condition{condition="Ready",status="true"}'
    # No avg(): it adds up shares, and nine of ten are less than 0.9 then.
    return f"max by (tenant) ({INFO} * on () group_left () (sum({ready}) / count({ready})))"


def _cache(_: Pace) -> str:
    ready = 'kube_pod_container_status_ready{namespace=~"cell-.+",pod=~"cache-[0-9]+"}'
    return by_cell(f'min by (cell) (label_replace({ready}, "cell", "$1", "namespace", "cell-(.+)"))')


def _since_success(job: str) -> str:
    # The cluster says when the job last succeeded: a job that never ran again says nothing of itself.
    metric = f'kube_cronjob_status_last_successful_time{{namespace=~"t-.+",cronjob="{job}"}}'
    return f"time() - ({by_namespace(f'max by (tenant_namespace) ({_inside(metric)})')})"


def _unavailable(pace: Pace) -> str:
    metric = 'kube_deployment_status_replicas_unavailable{namespace=~"t-.+"}'
    lasting = f"(min_over_time({metric}[{pace.window}s]) and {metric})"
    return by_namespace(f"sum by (tenant_namespace) ({_inside(lasting)})")


def _restarts(pace: Pace) -> str:
    # No increase(): it stretches what it counts to the whole window, so that two restarts are 2.1.
    metric = 'kube_pod_container_status_restarts_total{namespace=~"t-.+"}'
    added = f"({metric} - min_over_time({metric}[{pace.hour}s]))"
    return by_namespace(f"sum by (tenant_namespace) ({_inside(added)})")


def _certificate(_: Pace) -> str:
    metric = 'certmanager_certificate_expiration_timestamp_seconds{tenant_namespace!=""}'
    return by_namespace(f"(min by (tenant_namespace) ({metric}) - time()) / 86400")


def _lock_waits(pace: Pace) -> str:
    metric = 'cnpg_storefleet_database_waiting_sessions{tenant!=""}'
    return f"max by (tenant) (min_over_time({metric}[{pace.window}s]) and {metric})"


def _pool_wait(_: Pace) -> str:
    none = by_cell("min by (cell) (cnpg_pgbouncer_up == 1) * 0")
    return f'max by (tenant) (cnpg_pgbouncer_pools_maxwait{{tenant!=""}}) or on (tenant) {none}'


def _login(pace: Pace) -> str:
    metric = 'probe_success{source="login"}'
    return f"min by (tenant) (avg_over_time({metric}[{pace.window}s]) and {metric})"


def _failed_jobs(pace: Pace) -> str:
    metric = "cnpg_storefleet_jobs_failed"
    return of_module(f"max by (tenant) ({metric} - min_over_time({metric}[{pace.hour}s]))", "jobs")


def _simple(expression: str) -> Callable[[Pace], str]:
    return lambda _: expression


_FAILED_SHARE: Final = f"tenant:orders_failed:hour / clamp_min(tenant:orders_placed:hour, {LEAST_ORDERS})"
_PAYMENTS: Final = f"clamp_min({_shop('payments_placed', 'payments')}, {LEAST_PAYMENTS})"
_UNSYNCHRONISED: Final = (
    f"({_shop('sales_unsynchronised_seconds', 'sales')}) >= on (tenant) "
    f"({_shop('pos_unsynchronised_seconds', 'pos')}) or on (tenant) {_shop('pos_unsynchronised_seconds', 'pos')}"
)

FIGURES: Final[Mapping[str, Callable[[Pace], str]]] = MappingProxyType(
    {
        "telemetry": _telemetry,
        "delivery": _delivery,
        "database_primary": _simple(by_cell("count by (cell) (cnpg_pg_replication_in_recovery == 0)")),
        "replication_lag": _simple(by_cell("max by (cell) (cnpg_pg_replication_lag)")),
        # Below 0 the server has archived nothing yet.
        "wal_archive_age": _simple(
            by_cell("max by (cell) (cnpg_pg_stat_archiver_seconds_since_last_archival >= 0)")
        ),
        "base_backup_age": _simple(
            by_cell("time() - max by (cell) (barman_cloud_cloudnative_pg_io_last_available_backup_timestamp)")
        ),
        "tenant_backup_age": _simple(_since_success(BACKUP)),
        "lock_waits": _lock_waits,
        "longest_transaction": _simple(
            'max by (tenant) (cnpg_storefleet_database_longest_transaction_seconds{tenant!=""})'
        ),
        "database_time": _simple(
            f"tenant:database_time:rate / on (tenant) clamp_min(tenant:database_time:baseline, {LEAST_DATABASE})"
        ),
        "cache_ready": _cache,
        "nodes_ready": _nodes,
        "certificate_days": _certificate,
        "http_errors": _simple(f"tenant:http_errors:rate / clamp_min({REQUESTS}, {LEAST_REQUESTS})"),
        "slow_requests": _simple(f"tenant:http_slow:rate / clamp_min({REQUESTS}, {LEAST_REQUESTS})"),
        "login": _login,
        "pods_unavailable": _unavailable,
        "restarts": _restarts,
        "pool_wait": _pool_wait,
        "cron_lag": _simple("max by (tenant) (cnpg_storefleet_odoo_cron_lag_seconds)"),
        "modules_in_between": _simple("max by (tenant) (cnpg_storefleet_odoo_modules_in_between)"),
        "failed_jobs": _failed_jobs,
        "synthetic_order": _simple(_since_success(ORDER_PROBE)),
        "order_success": _simple(f"1 - {_FAILED_SHARE}"),
        "order_rate": _simple(
            f"tenant:orders_placed:hour / on (tenant) (tenant:orders_placed:baseline >= {OPEN_ORDERS}) "
            "or on (tenant) tenant:orders_placed:hour * 0 + 1"
        ),
        "order_sync": _simple(_UNSYNCHRONISED),
        "queue_latency": _simple(_shop("jobs_oldest_seconds", "jobs")),
        "queue_backlog": _simple(
            f"tenant:jobs_waiting:count / on (tenant) clamp_min(tenant:jobs_waiting:baseline, {LEAST_JOBS})"
        ),
        "inventory_age": _simple(
            f"({_shop('stock_age_seconds', 'stock')}) * on (tenant) "
            f"(tenant:orders_placed:baseline >= bool {OPEN_ORDERS})"
        ),
        "checkout_errors": _simple(f"({_shop('payments_failed', 'payments')}) / on (tenant) {_PAYMENTS}"),
    }
)
"""Check -> its figure."""


def helpers(pace: Pace) -> tuple[tuple[str, str], ...]:
    """Return the series that figures share, in the order in which they need one another: (series, expression)."""
    every = 'traefik_service_requests_total{tenant_namespace!="",protocol!="websocket"}'
    errors = 'traefik_service_requests_total{tenant_namespace!="",protocol!="websocket",code=~"5.."}'
    # Prometheus 3 writes a bound of 2 as 2.0, and 2 wrote it as 2.
    quick = (
        'traefik_service_request_duration_seconds_bucket{tenant_namespace!="",protocol!="websocket",'
        f'le=~"{SLOW_SECONDS:g}(\\\\.0)?"}}'
    )
    in_time = by_namespace(f"sum by (tenant_namespace) ({fresh(quick, pace.window)})")
    database = 'cnpg_storefleet_database_statement_seconds{tenant!=""}'
    return (
        (REQUESTS, by_namespace(f"sum by (tenant_namespace) ({fresh(every, pace.window)})")),
        (
            "tenant:http_errors:rate",
            f"{by_namespace(f'sum by (tenant_namespace) ({fresh(errors, pace.window)})')} or {REQUESTS} * 0",
        ),
        ("tenant:http_slow:rate", f"clamp_min({REQUESTS} - on (tenant) ({in_time}), 0)"),
        (
            "tenant:orders_placed:hour",
            f"({_shop('sales_placed', 'sales')}) + on (tenant) ({_shop('pos_placed', 'pos')})",
        ),
        (
            "tenant:orders_failed:hour",
            f"({_shop('sales_failed', 'sales')}) + on (tenant) ({_shop('pos_failed', 'pos')})",
        ),
        ("tenant:jobs_waiting:count", _shop("jobs_waiting", "jobs")),
        ("tenant:database_time:rate", f"sum by (tenant) {fresh(database, pace.window)}"),
        *(
            (f"{series}:baseline", _baseline(f"{series}:{what}", pace))
            for series, what in (
                ("tenant:orders_placed", "hour"),
                ("tenant:jobs_waiting", "count"),
                ("tenant:database_time", "rate"),
            )
        ),
    )


def _baseline(series: str, pace: Pace) -> str:
    """Return the same hour of the same weekday, and for a shop that is younger than a week its last day."""
    return f"{series} offset {pace.week}s or on (tenant) avg_over_time({series}[{pace.day}s])"
