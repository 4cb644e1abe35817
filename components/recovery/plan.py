"""The drills of an environment's cells, and why: jobs, ways out, keys; and the alerts about backups and drills."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.database.secrets import external_secret
from components.labelling import environment_labels, pod_security_labels
from components.manifests import KubeObject, manifest
from components.network import network_policy, to_dns
from components.recovery.alerts import rule_groups
from components.recovery.jobs import (
    DRILL,
    IDENTITY,
    IDENTITY_KEY,
    STORE_FIELDS,
    STORE_KEYS,
    plan_drill_job,
)
from components.recovery.tenants import OUT, Surroundings, account, surroundings_of
from components.secrets.plan import BACKUP_IDENTITY, PLATFORM_PREFIX
from components.secrets.store import secret_store
from spec import labels
from spec.environment import EnvironmentSpec
from spec.naming import DRILLS
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState


@dataclass(frozen=True, kw_only=True)
class RecoveryPlan:
    """What drills the backups of each cell, and what somebody is told of."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]


def plan_recovery(environment: EnvironmentSpec, tenants: Sequence[TenantSpec]) -> RecoveryPlan | None:
    """Plan the drills; None where the stack file names no backups, or no database runs.

    A cell is drilled once it has a tenant; which ones it has, a drill finds in the store, so one more changes nothing.

    Raises:
        ValueError: there are backups and nowhere to put them; the spec refuses that.

    """
    surroundings = surroundings_of(environment)
    if surroundings is None:
        return None
    objects = [*_room(environment, surroundings)]
    inhabited = {each.cell for each in tenants if each.state is TenantState.ACTIVE}
    objects += [
        plan_drill_job(cell_id, cell, environment.name, surroundings.args)
        for cell_id, cell in sorted(environment.cells.items())
        if cell_id in inhabited
    ]
    return RecoveryPlan(wait_seconds=environment.wait_seconds, objects=tuple(objects))


def _room(environment: EnvironmentSpec, surroundings: Surroundings) -> Iterator[KubeObject]:
    """Yield the namespace in which drills run, closed but for the store, with the private key; and the alerts."""
    own = environment_labels(environment.name)
    role = {labels.ROLE: labels.ROLE_PLATFORM}
    yield KubeObject(
        key="drills",
        manifest=manifest(
            "v1",
            "Namespace",
            DRILLS,
            labels=own | role | pod_security_labels(environment.pod_security_version),
        ),
        why="Copies of tenants' data are restored here for some minutes, beside nothing that they could reach.",
    )
    nothing = {"services": "0", "persistentvolumeclaims": "0"}
    yield KubeObject(
        key="drills-quota",
        manifest=manifest(
            "v1", "ResourceQuota", "exposure", namespace=DRILLS, labels=own, spec={"hard": nothing}
        ),
        why="Nobody reaches a restored copy, and nothing of it is left when its pod ends.",
    )
    yield KubeObject(
        key="drills-default-deny",
        manifest=network_policy("default-deny", namespace=DRILLS, labels=own, ingress=(), egress=()),
        why="A restored copy that still knows its partners calls none of them, and no live database.",
    )
    yield KubeObject(
        key="drills-out",
        manifest=network_policy(
            OUT,
            namespace=DRILLS,
            labels=own,
            pods={labels.JOB: DRILL},
            egress=[to_dns(environment.dns), *surroundings.out],
        ),
        why="A drill reads a backup from the store and writes its evidence there; it needs nothing else.",
    )
    why = "The identity of drills: it reads the backups of tenants, and writes evidence."
    yield account("drills-account", DRILL, DRILLS, own, why)
    if environment.aws is not None:
        yield secret_store(environment.aws, DRILLS, own, key="drills-store", whose="the platform's")
    entry = f"{PLATFORM_PREFIX}{BACKUP_IDENTITY}"
    yield KubeObject(
        key="drills-identity",
        manifest=external_secret(
            environment, DRILLS, IDENTITY, own, keys={IDENTITY_KEY: (entry, IDENTITY_KEY)}
        ),
        why="The private key that opens backups: here and in no namespace of a tenant or a cell.",
    )
    if surroundings.args.with_keys:
        fields = {field: (f"{PLATFORM_PREFIX}drills", field) for field in STORE_FIELDS.values()}
        yield KubeObject(
            key="drills-store-keys",
            manifest=external_secret(environment, DRILLS, STORE_KEYS, own, keys=fields),
            why="The store's keys for drills: they read backups, and write evidence only.",
        )
    yield KubeObject(
        key="alerts",
        manifest=manifest(
            "monitoring.coreos.com/v1",
            "PrometheusRule",
            "recovery",
            namespace=DRILLS,
            labels=own,
            spec={"groups": rule_groups()},
        ),
        why="A backup or a drill that fails is told to somebody, and so is one that has not run.",
    )
