"""The cases of each check: just beyond its bound, at its bound, and with what it is measured from gone.

That all is well, and that nothing happens at all, are one case each for all checks together.
"""

from __future__ import annotations

from tests.monitoring.world import DAY, NOW, STEPS, Case, Series, growing, late, steady

EDGE = 'tenant_namespace="t-%",service="t-%_shop_7_lb@kubernetescrd",protocol="http"'
REQUESTS = f'traefik_service_requests_total{{{EDGE},code="200"}}'
QUICK = "traefik_service_request_duration_seconds_bucket"
SHOP = "cnpg_storefleet_"
FAILED_ONCE = f'+traefik_service_requests_total{{{EDGE},code="500"}}'
FAILED_QUICKLY = f'+{QUICK}{{{EDGE},code="500",le="2.0"}}'

BACKED_UP = 'kube_cronjob_status_last_successful_time{namespace="t-%",cronjob="backup"}'
ORDERED = 'kube_cronjob_status_last_successful_time{namespace="t-%",cronjob="order-probe"}'

IDLE = {
    f"{REQUESTS}": growing(1 / 60),  # the probe of the page for signing in
    f"{QUICK}*": growing(1 / 60),
    'traefik_service_requests_total{tenant_namespace="t-%",service="t-%_shop_7_lb@kubernetescrd",'
    'protocol="websocket",code="101"}': "",
    "cnpg_pgbouncer_pools_maxwait*": "",
    **{
        f"{SHOP}{name}*": steady(0)
        for name in ("sales", "pos", "payments", "jobs", "database_statement_seconds")
    },
    f"{SHOP}stock_age_seconds*": steady(9 * 3600),
}
"""A shop at night: nobody buys, nothing waits, stock has not moved for hours."""

WITHOUT_MODULES = {
    **{f"{SHOP}{name}_*": "" for name in ("sales", "pos", "payments", "jobs", "stock")},
    f"{SHOP}odoo_has_*": steady(0),
}

GOOD = (
    Case("good"),
    Case("idle", IDLE),
    Case("without-modules", WITHOUT_MODULES),
    Case(
        "one-error-at-night",
        {
            **IDLE,
            FAILED_ONCE: f"0+0x{STEPS - 5} 1+0x4",
        },
    ),
    Case("younger-than-a-week", {"*": "young"}),
    Case("a-short-wait-for-a-lock", {f"{SHOP}database_waiting_sessions*": f"0+0x{STEPS - 4} 40 0 0 0"}),
    Case("a-pod-that-just-starts", {"kube_deployment_status_replicas_unavailable*": late(0, 1, 3)}),
    Case("old-restarts", {"kube_pod_container_status_restarts_total*": late(0, 9, 20)}),
)

_NO_FIGURE_WHEN_BAD = ("telemetry",)
"""Checks of which a bad figure would mean that nothing is known."""

BOUNDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    # check: (just beyond its bound, at it)
    "telemetry": ({'up{source="database"*': steady(0)}, {}),
    "delivery": (
        {
            'argocd_app_info{tenant_namespace="t-%",sync_status="Synced",health_status="Healthy"}': "",
            '+argocd_app_info{tenant_namespace="t-%",sync_status="Synced",health_status="Degraded"}': steady(
                1
            ),
        },
        {},
    ),
    "database_primary": ({'cnpg_pg_replication_in_recovery{cell="%",pod="postgres-2"}': steady(0)}, {}),
    "replication_lag": (
        {'cnpg_pg_replication_lag{cell="%",pod="postgres-2"}': steady(30.5)},
        {'cnpg_pg_replication_lag{cell="%",pod="postgres-2"}': steady(30)},
    ),
    "wal_archive_age": (
        {"cnpg_pg_stat_archiver_seconds_since_last_archival*": steady(901)},
        {"cnpg_pg_stat_archiver_seconds_since_last_archival*": steady(900)},
    ),
    "base_backup_age": (
        {"barman_cloud_*": steady(NOW - 26 * 3600 - 1)},
        {"barman_cloud_*": steady(NOW - 26 * 3600)},
    ),
    "tenant_backup_age": (
        {BACKED_UP: steady(NOW - 26 * 3600 - 1)},
        {BACKED_UP: steady(NOW - 26 * 3600)},
    ),
    "lock_waits": (
        {f"{SHOP}database_waiting_sessions*": steady(4)},
        {f"{SHOP}database_waiting_sessions*": steady(3)},
    ),
    "longest_transaction": (
        {f"{SHOP}database_longest_transaction_seconds*": steady(601)},
        {f"{SHOP}database_longest_transaction_seconds*": steady(600)},
    ),
    "database_time": (
        {f"{SHOP}database_statement_seconds*": f"0+6x{STEPS - 20} {6 * (STEPS - 20) + 12.5}+12.5x19"},
        {f"{SHOP}database_statement_seconds*": f"0+6x{STEPS - 20} {6 * (STEPS - 20) + 11.5}+11.5x19"},
    ),
    "cache_ready": ({'kube_pod_container_status_ready{namespace="cell-%"*': steady(0)}, {}),
    "certificate_days": (
        {"certmanager_*": steady(NOW + 14 * DAY - 1)},
        {"certmanager_*": steady(NOW + 14 * DAY)},
    ),
    "http_errors": (
        {FAILED_ONCE: growing(0.11)},
        {FAILED_ONCE: growing(0.099), FAILED_QUICKLY: growing(0.099)},
    ),
    "slow_requests": (
        {f"{QUICK}*": growing(9.45)},
        {f"{QUICK}*": growing(9.55)},
    ),
    "login": (
        {"probe_success*": f"1+0x{STEPS - 5} 0 0 1 1 1"},
        {"probe_success*": f"1+0x{STEPS - 5} 0 1 1 1 1"},
    ),
    "pods_unavailable": ({"kube_deployment_status_replicas_unavailable*": steady(1)}, {}),
    "restarts": (
        {"kube_pod_container_status_restarts_total*": late(7, 10, 8)},
        {"kube_pod_container_status_restarts_total*": late(7, 9, 8)},
    ),
    "pool_wait": (
        {"cnpg_pgbouncer_pools_maxwait*": steady(2)},
        {"cnpg_pgbouncer_pools_maxwait*": steady(1)},
    ),
    "cron_lag": ({f"{SHOP}odoo_cron_lag*": steady(901)}, {f"{SHOP}odoo_cron_lag*": steady(900)}),
    "modules_in_between": ({f"{SHOP}odoo_modules_in_between*": steady(1)}, {}),
    "failed_jobs": ({f"{SHOP}jobs_failed*": late(3, 9, 8)}, {f"{SHOP}jobs_failed*": late(3, 8, 8)}),
    "synthetic_order": ({ORDERED: steady(NOW - 2101)}, {ORDERED: steady(NOW - 2100)}),
    "order_success": ({f"{SHOP}pos_failed*": steady(9)}, {f"{SHOP}pos_failed*": steady(8)}),
    "order_rate": (
        {f"{SHOP}sales_placed*": late(100, 0, 8), f"{SHOP}pos_placed*": late(300, 199, 8)},
        {f"{SHOP}sales_placed*": late(100, 0, 8), f"{SHOP}pos_placed*": late(300, 200, 8)},
    ),
    "order_sync": (
        {f"{SHOP}sales_unsynchronised*": steady(301)},
        {f"{SHOP}pos_unsynchronised*": steady(300)},
    ),
    "queue_latency": ({f"{SHOP}jobs_oldest*": steady(301)}, {f"{SHOP}jobs_oldest*": steady(300)}),
    "queue_backlog": (
        {f"{SHOP}jobs_waiting*": late(20, 151, 8)},
        {f"{SHOP}jobs_waiting*": late(20, 150, 8)},
    ),
    "inventory_age": ({f"{SHOP}stock_age*": steady(901)}, {f"{SHOP}stock_age*": steady(900)}),
    "checkout_errors": (
        {f"{SHOP}payments_failed*": steady(11)},
        {f"{SHOP}payments_failed*": steady(10)},
    ),
}

SOURCES: dict[str, tuple[str, ...]] = {
    # What is gone: the checks that have no figure any more.
    'up{source="pooler"*': ("telemetry",),
    "argocd_app_info*": ("delivery",),
    "cnpg_pg_replication_in_recovery*": ("database_primary",),
    "cnpg_pg_replication_lag*": ("replication_lag",),
    "cnpg_pg_stat_archiver*": ("wal_archive_age",),
    "barman_cloud_*": ("base_backup_age",),
    BACKED_UP: ("tenant_backup_age",),
    ORDERED: ("synthetic_order",),
    f"{SHOP}database_waiting*": ("lock_waits",),
    f"{SHOP}database_longest*": ("longest_transaction",),
    f"{SHOP}database_statement*": ("database_time",),
    'kube_pod_container_status_ready{namespace="cell-%"*': ("cache_ready",),
    "certmanager_*": ("certificate_days",),
    "traefik_service_requests_total*": ("http_errors", "slow_requests"),
    f"{QUICK}*": ("slow_requests",),
    "probe_success*": ("login",),
    "kube_deployment_*": ("pods_unavailable",),
    "kube_pod_container_status_restarts*": ("restarts",),
    "cnpg_pgbouncer_*": ("pool_wait",),
    f"{SHOP}odoo_cron*": ("cron_lag",),
    f"{SHOP}odoo_modules*": ("modules_in_between",),
    f"{SHOP}jobs_failed*": ("failed_jobs",),
    f"{SHOP}sales_failed*": ("order_success",),
    f"{SHOP}sales_placed*": ("order_success", "order_rate", "inventory_age"),
    f"{SHOP}pos_unsynchronised*": ("order_sync",),
    f"{SHOP}jobs_oldest*": ("queue_latency",),
    f"{SHOP}jobs_waiting*": ("queue_backlog",),
    f"{SHOP}stock_age*": ("inventory_age",),
    f"{SHOP}payments_placed*": ("checkout_errors",),
}
"""`nodes_ready` is not here: nodes are the same for every tenant, so it has a run of its own."""

WHOLE_SOURCES: dict[str, tuple[str, ...]] = {
    "cnpg_*": (
        *("database_primary", "replication_lag", "wal_archive_age"),
        *("lock_waits", "longest_transaction", "database_time"),
        *("pool_wait", "cron_lag", "modules_in_between", "failed_jobs"),
        *("order_success", "order_rate", "order_sync", "queue_latency"),
        *("queue_backlog", "inventory_age", "checkout_errors"),
    ),
    "traefik_*": ("http_errors", "slow_requests"),
    "kube_cronjob_*": ("tenant_backup_age", "synthetic_order"),
}
"""A whole target is gone, and what it said before is still there for rates to look back at."""


REMEMBERED = {f"{SHOP}sales_placed*": ("inventory_age",)}
"""Checks that go on without what is lost: whether the shop is open is known from the week before."""

_APART = "order_rate"
"""Its bound is a day with fewer orders, of which others take a share."""


def bounds() -> list[Case]:
    """Return a tenant at every bound at once, and one for the bound that changes others' figures."""
    at: Series = {}
    for check, (_, own) in BOUNDS.items():
        at |= {} if check == _APART else own
    return [Case("at-every-bound", at), Case("at-the-bound-of-orders", BOUNDS[_APART][1])]


def cases() -> list[Case]:
    """Return every case; the name of its tenant says which."""
    found = [*GOOD, *bounds()]
    found += [
        Case(
            f"{check.replace('_', '-')}-bad",
            beyond,
            (check,),
            unmeasured=(check,) if check in _NO_FIGURE_WHEN_BAD else (),
        )
        for check, (beyond, _) in BOUNDS.items()
    ]
    for kind, sources in (("missing", SOURCES), ("lost", SOURCES | WHOLE_SOURCES)):
        for number, (source, checks) in enumerate(sources.items()):
            remembered = REMEMBERED.get(source, ()) if kind == "lost" else ()
            failing = tuple(check for check in checks if check not in remembered)
            change = "lost" if kind == "lost" else ""
            found.append(Case(f"{kind}-{number}", {source: change}, failing, unmeasured=failing))
    return found
