"""The job that places a synthetic order in a tenant's shop, and why it is as it is.

* A CronJob in the tenant's own namespace. It holds the password of one user of one shop, and reaches Odoo by the way
  that the tenant's own pods have: no policy, account or Secret is added, and of one that is taken over no other shop
  hears. A prober for a whole cell would be one object for all of them, and hold everybody's passwords.
* In the image of the backups, as a program of the standard library alone: a start is a tenth of a second of a core.
  Four an hour for each of 1,000 shops are about one pod a second in the whole cluster, which is why there are not more.
* The tenants' minutes differ, so that the shops of a cell do not all take an order at once.
* Whether an order was placed is the job's own end: kube-state-metrics says when the last one was good, as it does of
  backups. Nothing is pushed, and a job that is gone grows old and is noticed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from components.database.plan import has_databases
from components.labelling import tenant_labels
from components.manifests import KubeObject, manifest
from components.operators.inputs import CONTAINER
from components.recovery.jobs import SECRET, from_secret, nodes_of, pod_spec
from components.secrets.plan import PROBE_PASSWORD
from spec import labels as keys
from spec.naming import tenant_namespace
from spec.vocabulary import TenantState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.aws import OfficeHours
    from spec.environment import EnvironmentSpec
    from spec.tenant import TenantSpec

ORDER_PROBE: Final = "order-probe"
"""Name of the CronJob of a tenant, and what the label of its pods says."""
EVERY_MINUTES: Final = 15
MOST_AGE_SECONDS: Final = 2 * EVERY_MINUTES * 60 + 300
"""Oldest that the last good order may be: two in a row that were lost, and five minutes for the next one to end."""
_SECONDS: Final = 180
"""Longest that one may run, its image included: an order has 10 s, and no answer more than 20 s."""
_KEPT_SECONDS: Final = 3600
_HTTP: Final = 8069
_RESOURCES: Final = {
    "requests": {"cpu": "25m", "memory": "48Mi", "ephemeral-storage": "16Mi"},
    "limits": {"cpu": "250m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
}


def has_order_probes(environment: EnvironmentSpec) -> bool:
    """Say whether synthetic orders are placed: where the stack file names their image, and shops run."""
    return environment.recovery is not None and has_databases(environment)


def plan_order_probe(tenant: TenantSpec, environment: EnvironmentSpec) -> Iterator[KubeObject]:
    """Plan the job of an open shop; nothing for one that is closed, or where nothing is placed."""
    if (
        tenant.state is not TenantState.ACTIVE
        or environment.recovery is None
        or not has_databases(environment)
    ):
        return
    namespace, own = tenant_namespace(tenant.id), tenant_labels(tenant, environment.name)
    schedule, zone = _schedule(tenant.id, None if environment.aws is None else environment.aws.hours)
    pod = pod_spec(_container(tenant, environment.recovery.image), account=None, restart="Never")
    yield KubeObject(
        key=ORDER_PROBE,
        manifest=manifest(
            "batch/v1",
            "CronJob",
            ORDER_PROBE,
            namespace=namespace,
            labels=own,
            spec={
                "schedule": schedule,
                "timeZone": zone,
                "concurrencyPolicy": "Forbid",
                # One that is late is left out: the next one says more.
                "startingDeadlineSeconds": 300,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 1,
                "jobTemplate": {
                    "metadata": {"labels": dict(own)},
                    "spec": {
                        "activeDeadlineSeconds": _SECONDS,
                        # Not tried again until it passes: a shop that takes every second order is not good.
                        "backoffLimit": 0,
                        "ttlSecondsAfterFinished": _KEPT_SECONDS,
                        "template": {
                            "metadata": {"labels": {**own, keys.JOB: ORDER_PROBE}},
                            "spec": {**pod, **nodes_of(tenant)},
                        },
                    },
                },
            },
        ),
        why=(
            f"Every {EVERY_MINUTES} minutes an order is placed, read back and taken away, as a user that sees no other "
            "order. It is marked, never confirmed, and in no figure of the shop's."
        ),
    )


def _schedule(tenant_id: str, hours: OfficeHours | None) -> tuple[str, str]:
    """Return when orders are placed, and in which time zone: never where an environment is off."""
    minute = int.from_bytes(hashlib.sha256(tenant_id.encode()).digest()[4:8]) % EVERY_MINUTES
    minutes = f"{minute}-59/{EVERY_MINUTES}"
    if hours is None:
        return f"{minutes} * * * *", "Etc/UTC"
    opens, closes = (int(clock.split(":")[0]) for clock in (hours.opens, hours.closes))
    # The first whole hour: until then shops are starting.
    begins = min(opens + 1, closes)
    days = ",".join(day.upper() for day in hours.days)
    return f"{minutes} {begins}-{max(begins, closes - 1)} * * {days}", hours.time_zone


def _container(tenant: TenantSpec, image: str) -> dict[str, Any]:
    told = {
        "STOREFLEET_SHOP": f"http://odoo.{tenant_namespace(tenant.id)}.svc:{_HTTP}",
        "STOREFLEET_TENANT": tenant.id,
    }
    return {
        "name": ORDER_PROBE,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "probes.order"],
        "env": [
            *({"name": name, "value": value} for name, value in told.items()),
            from_secret("STOREFLEET_PROBE_PASSWORD", SECRET, PROBE_PASSWORD),
        ],
        "resources": _RESOURCES,
        "securityContext": CONTAINER,
    }
