"""What the programs in front of and behind the model's shops would expose, in Prometheus' text format.

Names and labels are theirs, as the monitors find them before anything is relabelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.monitoring.orders import EVERY_MINUTES, ORDER_PROBE
from components.recovery.jobs import BACKUP
from spec import labels
from spec.naming import cell_namespace, tenant_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from release.model.shops import Shop

Sample = tuple[str, "Mapping[str, object]", float]

NOTE: Final = "# A model: no shop, no database and no ingress controller runs behind these figures.\n"
_DAY: Final = 86_400
_MOST_FAIL: Final = 0.5
"""Share of failing orders from which the model's synthetic order fails as well: nothing is drawn at random."""
MODULES: Final = ("jobs", "sales", "pos", "payments", "stock")


def text(samples: Iterable[Sample]) -> str:
    """Return samples as a page of metrics, which says that it is a model's."""
    return NOTE + "".join(f"{_line(*sample)}\n" for sample in samples)


def _line(name: str, own: Mapping[str, object], value: float) -> str:
    written = ",".join(f'{key}="{one}"' for key, one in own.items())
    return f"{name}{{{written}}} {value:.17g}"


def edge(shops: Iterable[Shop], _: float) -> Iterator[Sample]:
    """Yield what the ingress controller counts."""
    for shop in shops:
        service = f"{tenant_namespace(shop.tenant.id)}_shop_7_lb@kubernetescrd"
        own = {"service": service, "method": "GET", "protocol": "http"}
        counted = shop.counted
        for code, count in (("200", counted.get("requests", 0)), ("500", counted.get("errors", 0))):
            coded = {**own, "code": code}
            yield "traefik_service_requests_total", coded, count
            quick = counted.get("quick", 0) if code == "200" else count
            yield "traefik_service_request_duration_seconds_bucket", {**coded, "le": "2"}, quick
            yield "traefik_service_request_duration_seconds_bucket", {**coded, "le": "+Inf"}, count
            yield "traefik_service_request_duration_seconds_count", coded, count


def database(shops: Iterable[Shop], at: float) -> Iterator[Sample]:
    """Yield what CloudNativePG measures of the instances of one cell, and asks of the databases in it."""
    for pod, standby in (("postgres-1", 0), ("postgres-2", 1), ("postgres-3", 1)):
        yield "cnpg_pg_replication_in_recovery", {"pod": pod}, standby
        yield "cnpg_pg_replication_lag", {"pod": pod}, 0.1 * standby
    yield "cnpg_pg_stat_archiver_seconds_since_last_archival", {"pod": "postgres-1"}, 60 + at % 60
    last = "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"
    yield last, {"pod": "postgres-1"}, at - at % _DAY
    for shop in shops:
        for name, value in _shop(shop, at).items():
            yield f"cnpg_storefleet_{name}", {"datname": shop.tenant.id, "pod": "postgres-1"}, value


def _shop(shop: Shop, at: float) -> dict[str, float]:
    effect, hourly = shop.effect, shop.orders_an_hour
    gone = max(at - shop.since, 0)
    orders = hourly * effect.orders
    return {
        "database_waiting_sessions": effect.lock_waits,
        "database_longest_transaction_seconds": 1.5,
        "database_statement_seconds": shop.counted.get("database", 0),
        "odoo_cron_lag_seconds": 15,
        "odoo_modules_in_between": 0,
        **{f"odoo_has_{each}": 1 for each in MODULES},
        "jobs_waiting": hourly / 60 + hourly * effect.job_growth * gone,
        "jobs_oldest_seconds": 4 + effect.queue_delay * gone,
        "jobs_failed": 0,
        "sales_placed": orders * 0.7,
        "sales_failed": orders * 0.7 * effect.failed_orders,
        "sales_unsynchronised_seconds": 12,
        "pos_placed": orders * 0.3,
        "pos_failed": orders * 0.3 * effect.failed_orders,
        "pos_unsynchronised_seconds": 20,
        "payments_placed": orders,
        "payments_failed": orders * max(effect.failed_payments, 0.01),
        "stock_age_seconds": 45 + effect.stock_delay * gone,
    }


def pooler(shops: Iterable[Shop], _: float) -> Iterator[Sample]:
    """Yield what PgBouncer says of one cell."""
    yield "cnpg_pgbouncer_up", {}, 1
    for shop in shops:
        yield "cnpg_pgbouncer_pools_maxwait", {"database": shop.tenant.id, "user": shop.tenant.id}, 0


def delivery(shops: Iterable[Shop], _: float) -> Iterator[Sample]:
    """Yield what Argo CD says of the applications."""
    for shop in shops:
        own = {"name": shop.tenant.id, "dest_namespace": tenant_namespace(shop.tenant.id)}
        yield "argocd_app_info", {**own, "sync_status": "Synced", "health_status": "Healthy"}, 1


def certificates(shops: Iterable[Shop], at: float) -> Iterator[Sample]:
    """Yield what cert-manager says of the certificates."""
    for shop in shops:
        own = {"namespace": tenant_namespace(shop.tenant.id), "name": "shop"}
        yield "certmanager_certificate_expiration_timestamp_seconds", own, at + 60 * _DAY


def login(shops: Iterable[Shop], _: float) -> Iterator[Sample]:
    """Yield what the prober says of the pages for signing in."""
    for shop in shops:
        yield "probe_success", {"tenant": shop.tenant.id}, float(shop.effect.error_share < 1)


def backups(shops: Iterable[Shop], at: float) -> Iterator[Sample]:
    """Yield what kube-state-metrics says of the jobs that take backups, and of those that place synthetic orders."""
    for shop in shops:
        effect, namespace = shop.effect, tenant_namespace(shop.tenant.id)
        last = at if effect.failed_orders < _MOST_FAIL and effect.error_share < 1 else shop.since
        for job, moment, every in ((BACKUP, at, _DAY), (ORDER_PROBE, last, EVERY_MINUTES * 60)):
            own = {"namespace": namespace, "cronjob": job}
            yield "kube_cronjob_status_last_successful_time", own, moment - moment % every


def cluster(environment: str, shops: Iterable[Shop]) -> Iterator[Sample]:
    """Yield what kube-state-metrics says of the namespaces, their pods and the nodes."""
    known = list(shops)
    for number in range(6):
        own = {"node": f"node-{number}", "condition": "Ready", "status": "true"}
        yield "kube_node_status_condition", own, 1
    for cell in sorted({shop.tenant.cell for shop in known}):
        own = {"namespace": cell_namespace(cell), "pod": "cache-0", "container": "valkey"}
        yield "kube_pod_container_status_ready", own, 1
    for shop in known:
        tenant, namespace = shop.tenant, tenant_namespace(shop.tenant.id)
        said = {
            labels.ROLE: labels.ROLE_TENANT,
            labels.STATE: tenant.state.value,
            labels.ENVIRONMENT: environment,
            labels.TENANT: tenant.id,
            labels.CELL: tenant.cell,
            labels.TIER: tenant.tier.value,
            labels.RING: tenant.ring.value,
            labels.CRITICALITY: tenant.criticality.value,
        }
        shown = {
            "label_" + "".join(c if c.isalnum() else "_" for c in key): value for key, value in said.items()
        }
        yield "kube_namespace_labels", {"namespace": namespace, **shown}, 1
        web = {"namespace": namespace, "deployment": "odoo-web"}
        yield "kube_deployment_status_replicas_unavailable", web, 0
        pod = {"namespace": namespace, "pod": "odoo-web-0", "container": "odoo"}
        yield "kube_pod_container_status_restarts_total", pod, 0


OF_ALL: Final[Mapping[str, Callable[[Iterable[Shop], float], Iterator[Sample]]]] = {
    "edge": edge,
    "delivery": delivery,
    "certificates": certificates,
    "login": login,
    "backups": backups,
}
"""Sources with one target for all shops."""
OF_CELLS: Final[Mapping[str, Callable[[Iterable[Shop], float], Iterator[Sample]]]] = {
    "database": database,
    "pooler": pooler,
}
"""Sources with a target in each cell."""
