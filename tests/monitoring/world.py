"""A world of series for promtool: one tenant and one cell for each case, so that all cases are one run.

Time begins at 0 and rules are judged at `NOW`. The pace is quicker than production's where that looks back for days;
windows and intervals are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from components.monitoring.pace import Pace

PACE = Pace(interval=30, window=300, hour=450, day=600, week=750)
STEPS = 45
NOW = STEPS * PACE.interval
DAY = 86_400

Series = dict[str, str]


def steady(value: float) -> str:
    """A gauge that never moves."""
    return f"{value!r}+0x{STEPS}"


def growing(a_second: float) -> str:
    """A counter that grows by so much a second."""
    return f"0+{a_second * PACE.interval!r}x{STEPS}"


def lost(values: str) -> str:
    """What was seen until a minute and a half ago: then its target did not answer."""
    return values.replace(f"x{STEPS}", f"x{STEPS - 3}") + " stale"


def young(values: str) -> str:
    """What was not there before the last ten minutes."""
    first, _, _ = values.partition("x")
    return f"_x{STEPS - 20} {first}x20"


def late(before: float, after: float, samples: int) -> str:
    """A gauge that moved so many samples ago."""
    return f"{before!r}+0x{STEPS - samples} {after!r}+0x{samples - 1}"


@dataclass
class Case:
    """A tenant with everything that is measured of it; what a case changes, and which checks it has fail."""

    name: str
    changes: Series = field(default_factory=dict)
    """Series of `healthy` (all that begin so) with other values; empty: not there; `lost`: not there any more;
    `young`: there since a while. With + it is one more."""
    failing: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    """Those of the failing checks that have no figure."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels of its namespace that differ."""

    def series(self) -> Series:
        known = healthy(self.name, self.labels)
        for key, values in self.changes.items():
            series = key.replace("%", self.name)
            if series.startswith("+"):
                known[series[1:]] = values
                continue
            found = [one for one in known if one == series or one.startswith(series.removesuffix("*"))]
            assert found, f"{key} is no series of the world: the case would change nothing"
            for one in found:
                if values == "":
                    known.pop(one)
                else:
                    made = {"lost": lost, "young": young}.get(values)
                    known[one] = made(known[one]) if made else values
        return known


def namespace(name: str, labels: dict[str, str]) -> str:
    known = {
        "namespace": f"t-{name}",
        "label_storefleet_dev_role": "tenant",
        "label_storefleet_dev_state": "active",
        "label_storefleet_dev_environment": "local",
        "label_storefleet_dev_tenant": name,
        "label_storefleet_dev_cell": name,
        "label_storefleet_dev_tier": "shared",
        "label_storefleet_dev_ring": "2",
        "label_storefleet_dev_criticality": "standard",
        **labels,
    }
    return "kube_namespace_labels{" + ",".join(f'{key}="{value}"' for key, value in known.items()) + "}"


def healthy(name: str, labels: dict[str, str] | None = None) -> Series:
    """Everything that is measured of a tenant that does well. In cases `%` stands for its name."""
    shop = f'{{cell="{name}",tenant="{name}",pod="postgres-1"}}'
    cell = f'{{cell="{name}",pod="postgres-1"}}'
    edge = f'tenant_namespace="t-{name}",service="t-{name}_shop_7_lb@kubernetescrd",protocol="http"'
    return {
        namespace(name, labels or {}): steady(1),
        f'traefik_service_requests_total{{{edge},code="200"}}': growing(10),
        f'traefik_service_request_duration_seconds_bucket{{{edge},code="200",le="2.0"}}': growing(10),
        f'traefik_service_requests_total{{{edge.replace("http", "websocket")},code="101"}}': growing(0.1),
        f'argocd_app_info{{tenant_namespace="t-{name}",sync_status="Synced",health_status="Healthy"}}': steady(
            1
        ),
        f'up{{source="database",cell="{name}"}}': steady(1),
        f'up{{source="pooler",cell="{name}"}}': steady(1),
        f"cnpg_pg_replication_in_recovery{cell}": steady(0),
        f"cnpg_pg_replication_in_recovery{cell.replace('-1', '-2')}": steady(1),
        f"cnpg_pg_replication_lag{cell}": steady(0),
        f"cnpg_pg_replication_lag{cell.replace('-1', '-2')}": steady(0.2),
        f"cnpg_pg_stat_archiver_seconds_since_last_archival{cell}": steady(120),
        f"barman_cloud_cloudnative_pg_io_last_available_backup_timestamp{cell}": steady(NOW - 3600),
        f'kube_cronjob_status_last_successful_time{{namespace="t-{name}",cronjob="backup"}}': steady(
            NOW - 7200
        ),
        f'kube_cronjob_status_last_successful_time{{namespace="t-{name}",cronjob="order-probe"}}': steady(
            NOW - 700
        ),
        f"cnpg_storefleet_database_waiting_sessions{shop}": steady(0),
        f"cnpg_storefleet_database_longest_transaction_seconds{shop}": steady(2),
        f"cnpg_storefleet_database_statement_seconds{shop}": growing(0.5),
        f"cnpg_pgbouncer_up{cell}": steady(1),
        f'cnpg_pgbouncer_pools_maxwait{{tenant="{name}",cell="{name}"}}': steady(0),
        f'kube_pod_container_status_ready{{namespace="cell-{name}",pod="cache-0",container="valkey"}}': steady(
            1
        ),
        f'certmanager_certificate_expiration_timestamp_seconds{{tenant_namespace="t-{name}"}}': steady(
            NOW + 60 * DAY
        ),
        f'probe_success{{source="login",tenant="{name}"}}': steady(1),
        f'kube_deployment_status_replicas_unavailable{{namespace="t-{name}",deployment="odoo-web"}}': steady(
            0
        ),
        f'kube_pod_container_status_restarts_total{{namespace="t-{name}",pod="odoo-web-1"}}': steady(7),
        f"cnpg_storefleet_odoo_cron_lag_seconds{shop}": steady(20),
        f"cnpg_storefleet_odoo_modules_in_between{shop}": steady(0),
        **{f"cnpg_storefleet_odoo_has_{each}{shop}": steady(1) for each in MODULES},
        f"cnpg_storefleet_jobs_waiting{shop}": steady(20),
        f"cnpg_storefleet_jobs_oldest_seconds{shop}": steady(4),
        f"cnpg_storefleet_jobs_failed{shop}": steady(3),
        f"cnpg_storefleet_sales_placed{shop}": steady(100),
        f"cnpg_storefleet_sales_failed{shop}": steady(0),
        f"cnpg_storefleet_sales_unsynchronised_seconds{shop}": steady(10),
        f"cnpg_storefleet_pos_placed{shop}": steady(300),
        f"cnpg_storefleet_pos_failed{shop}": steady(1),
        f"cnpg_storefleet_pos_unsynchronised_seconds{shop}": steady(30),
        f"cnpg_storefleet_payments_placed{shop}": steady(200),
        f"cnpg_storefleet_payments_failed{shop}": steady(2),
        f"cnpg_storefleet_stock_age_seconds{shop}": steady(60),
    }


MODULES = ("jobs", "sales", "pos", "payments", "stock")


def shared() -> Series:
    """What is the same for every tenant."""
    return {
        'up{source="edge",pod="traefik-1"}': steady(1),
        'up{source="edge",pod="traefik-2"}': steady(1),
        **{
            f'kube_node_status_condition{{node="node-{number}",condition="Ready",status="true"}}': steady(1)
            for number in range(10)
        },
    }
