"""The one table of checks: what a gate asks of each tenant, layer by layer, and what counts as good. Pure data.

Prometheus holds three series of each check, made by the rules that `rules` generates from this table:

* ``gate:value{tenant,layer,check}``: the figure that was measured, in the check's unit.
* ``gate:check{tenant,layer,check}``: 1 where it is good and 0 where it is not. Where the figure is missing it is 0, and
  ``gate:value`` has no sample: so a scrape that was lost never passes, and can be told from a bad figure.
* ``gate:layer{tenant,layer}``: the least of the layer's checks.

``gate:tenant`` is 1 for each tenant that is open. Where a source says "chosen", nobody has measured it yet: replace the
figure when a load test or a season has.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from components.cache.plan import in_pods
from components.monitoring.check import Check, Layer
from components.monitoring.orders import MOST_AGE_SECONDS, has_order_probes
from spec.environment import EnvironmentSpec

GATE_TENANT: Final = "gate:tenant"
GATE_VALUE: Final = "gate:value"
GATE_CHECK: Final = "gate:check"
GATE_LAYER: Final = "gate:layer"

_platform = partial(Check, layer=Layer.PLATFORM)
_application = partial(Check, layer=Layer.APPLICATION)
_business = partial(Check, layer=Layer.BUSINESS)

_PLATFORM: Final = (
    _platform(
        name="telemetry",
        good=">=",
        threshold=1,
        unit="ratio",
        source="any figure of a source that does not answer is of the past",
        means="the ingress controller, the database or its pooler cannot be measured",
    ),
    _platform(
        name="delivery",
        good=">=",
        threshold=1,
        unit="ratio",
        source="Argo CD: Synced and Healthy, all applications of the tenant",
        means="what runs is not what was released, or it is not healthy",
    ),
    _platform(
        name="database_primary",
        good="==",
        threshold=1,
        unit="instances",
        source="CloudNativePG: one instance takes writes",
        means="no order can be written, or two servers take them",
    ),
    _platform(
        name="replication_lag",
        good="<=",
        threshold=30,
        unit="s",
        source="chosen: what a standby needs to take over within a minute",
        means="a failover would wait for a standby to catch up",
    ),
    _platform(
        name="wal_archive_age",
        good="<=",
        threshold=900,
        unit="s",
        source="three times the longest archive_timeout of the table of databases",
        means="more than the promised minutes would be lost with the cell",
        needs="backups",
    ),
    _platform(
        name="base_backup_age",
        good="<=",
        threshold=26 * 3600,
        unit="s",
        source="a base backup a day, and two hours for it to end",
        means="the cell's last base backup is missing or failed",
        needs="backups",
    ),
    _platform(
        name="tenant_backup_age",
        good="<=",
        threshold=26 * 3600,
        unit="s",
        source="a backup a night, and two hours for it to end",
        means="the tenant alone cannot be restored to yesterday",
        needs="backups",
    ),
    _platform(
        name="lock_waits",
        good="<=",
        threshold=3,
        unit="sessions",
        source="chosen: fewer than a shared tenant's four web workers",
        means="sessions of the shop stand behind one that holds a lock",
    ),
    _platform(
        name="longest_transaction",
        good="<=",
        threshold=600,
        unit="s",
        source="chosen: five times the time that Odoo gives a request (limit_time_real, 120 s)",
        means="a transaction keeps dead rows and locks of the whole cell",
    ),
    _platform(
        name="database_time",
        good="<=",
        threshold=2,
        unit="ratio",
        source="chosen: twice the same hour of the same weekday, and at least a twentieth of a core",
        means="the release asks much more of the database than the one before",
    ),
    _platform(
        name="cache_ready",
        good=">=",
        threshold=1,
        unit="ratio",
        source="the cache's own readiness probe, a PING with a password",
        means="nobody can sign in",
        needs="cache-pod",
    ),
    _platform(
        name="nodes_ready",
        good=">=",
        threshold=0.9,
        unit="ratio",
        source="chosen: one node of ten may be replaced while a release moves",
        means="pods of the next wave may find no room",
    ),
    _platform(
        name="certificate_days",
        good=">=",
        threshold=14,
        unit="days",
        source="cert-manager renews 30 days before; half of that is left to mend it",
        means="visitors are going to be warned off the shop",
    ),
)

_APPLICATION: Final = (
    _application(
        name="http_errors",
        good="<=",
        threshold=0.01,
        unit="ratio",
        source="ten times the budget of the objective of 99.9 %",
        means="visitors see pages of errors",
    ),
    _application(
        name="slow_requests",
        good="<=",
        threshold=0.05,
        unit="ratio",
        source="95 of 100 answers within 2 s, a bound of the ingress controller's buckets",
        means="visitors wait",
    ),
    _application(
        name="login",
        good=">=",
        threshold=0.9,
        unit="ratio",
        source="chosen: one probe of ten may be lost to the network",
        means="the page for signing in does not answer from outside",
    ),
    _application(
        name="pods_unavailable",
        good="<=",
        threshold=0,
        unit="pods",
        source="what the chart asks for is what runs, once a rollout is over",
        means="processes of the shop do not start",
    ),
    _application(
        name="restarts",
        good="<=",
        threshold=2,
        unit="restarts",
        source="chosen: of all the tenant's containers in an hour; Odoo recycles workers without one",
        means="processes of the shop are ended again and again",
    ),
    _application(
        name="pool_wait",
        good="<=",
        threshold=1,
        unit="s",
        source="warned of at 1 s and an incident at 5 s in public practice with PgBouncer",
        means="web workers wait for a connection to the database",
    ),
    _application(
        name="cron_lag",
        good="<=",
        threshold=900,
        unit="s",
        source="what the probe of the cron process calls late",
        means="scheduled actions are not done",
    ),
    _application(
        name="modules_in_between",
        good="<=",
        threshold=0,
        unit="modules",
        source="Odoo skips a database's scheduled actions while any module is to be changed",
        means="a migration has stopped half-way",
    ),
    _application(
        name="failed_jobs",
        good="<=",
        threshold=5,
        unit="jobs",
        source="chosen: more in an hour than an unlucky order or two",
        means="work that the shop put off was given up",
    ),
)

_BUSINESS: Final = (
    _business(
        name="synthetic_order",
        good="<=",
        threshold=MOST_AGE_SECONDS,
        unit="s",
        source="chosen: two orders in a row may be lost, and five minutes for the third to be placed",
        means="an order that the monitoring places is refused, is slow or is not taken back",
        needs="order-probe",
    ),
    _business(
        name="order_success",
        good=">=",
        threshold=0.98,
        unit="ratio",
        source="chosen: of an hour's orders, counted as at least 50 so that one at night is not a share",
        means="orders are refused or given up",
    ),
    _business(
        name="order_rate",
        good=">=",
        threshold=0.5,
        unit="ratio",
        source="chosen: half of the same hour of the same weekday; closed below 10 orders an hour then",
        means="orders do not arrive",
    ),
    _business(
        name="order_sync",
        good="<=",
        threshold=300,
        unit="s",
        source="chosen: five minutes until an order is in the systems that pick and bill it",
        means="orders are taken and not passed on",
    ),
    _business(
        name="queue_latency",
        good="<=",
        threshold=300,
        unit="s",
        source="chosen: five minutes that the oldest job may wait after it was due",
        means="what the shop puts off (mails, prices, stock) comes late",
    ),
    _business(
        name="queue_backlog",
        good="<=",
        threshold=3,
        unit="ratio",
        source="chosen: three times the same hour of the same weekday, counted as at least 50 jobs",
        means="jobs arrive faster than they are done",
    ),
    _business(
        name="inventory_age",
        good="<=",
        threshold=900,
        unit="s",
        source="chosen: a quarter of an hour without a movement of stock, while the shop is open",
        means="the shop sells what it does not have",
    ),
    _business(
        name="checkout_errors",
        good="<=",
        threshold=0.05,
        unit="ratio",
        source="chosen: of an hour's payments, counted as at least 20; banks refuse some on any day",
        means="customers cannot pay",
    ),
)

CHECKS: Final[tuple[Check, ...]] = (*_PLATFORM, *_APPLICATION, *_BUSINESS)
"""All checks, in the order in which they are shown."""

BY_NAME: Final[Mapping[str, Check]] = MappingProxyType({check.name: check for check in CHECKS})
"""Check by its name, which no other check has in any layer."""


def checks_of(environment: EnvironmentSpec) -> tuple[Check, ...]:
    """Return the checks of an environment: those that it has figures for."""
    stored = environment.object_store is not None or environment.aws is not None
    probed = has_order_probes(environment)
    there = {"backups": stored, "cache-pod": in_pods(environment), "order-probe": probed}
    return tuple(check for check in CHECKS if check.needs is None or there[check.needs])
