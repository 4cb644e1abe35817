"""What exists for a tenant, and why: its namespace, the bounds of it, its identity, its team, its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from components.database.plan import has_databases
from components.database.tenants import plan_tenant_database
from components.delivery.projects import tenant_project
from components.labelling import pod_security_labels, tenant_labels
from components.manifests import KubeObject, Manifest, manifest
from components.monitoring.logins import plan_login
from components.monitoring.orders import plan_order_probe
from components.platform.plan import TEAM_ROLE
from components.recovery.tenants import plan_tenant_backups
from components.secrets.store import secret_store
from components.tenancy.walls import WITH_DATA_ACCESS, cell_access, plan_walls
from spec import labels
from spec.environment import EnvironmentSpec
from spec.lifecycle import deletion_confirmed
from spec.naming import team_group, tenant_namespace
from spec.tenant import TenantSpec
from spec.tiers import TIERS
from spec.vocabulary import TenantState

SERVICE_ACCOUNT: Final = "odoo"
"""The identity of all of a tenant's pods."""

PODS_AT_REST: Final[Mapping[TenantState, int]] = MappingProxyType(
    {TenantState.SUSPENDED: 1, TenantState.ARCHIVED: 0, TenantState.PURGED: 0}
)
"""Pods of a tenant that is not active: a suspended one has room for the Job that takes its last backup. A quota
ends no pod that runs; delivery scales the processes down, as the label of the state tells it to."""

_QUOTA_WHY: Final[Mapping[TenantState, str]] = MappingProxyType(
    {
        TenantState.ACTIVE: "No tenant takes what others run on, or opens a node port or load balancer.",
        TenantState.SUSPENDED: "No process of the shop starts again; there is room for one backup Job.",
        TenantState.ARCHIVED: "Nothing starts here while the data wait for the end of their retention.",
        TenantState.PURGED: "Nothing starts here before everything is removed.",
    }
)

_AT_REST: Final[Mapping[TenantState, str]] = MappingProxyType(
    {
        TenantState.SUSPENDED: "The state is suspended: the data stay, the processes stop, nobody gets in.",
        TenantState.ARCHIVED: (
            "The state is archived: the data stay untouched beside the verified last backup; nothing runs."
        ),
        TenantState.PURGED: (
            "The state is purged: this run takes off the protection, and the next one removes everything."
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class TenantPlan:
    """Everything that will exist for one tenant, as far as the platform provides it."""

    tenant: str
    cell: str
    namespace: str
    wait_seconds: int
    objects: tuple[KubeObject, ...]
    reasons: tuple[str, ...]


def plan_tenant(
    tenant: TenantSpec, environment: EnvironmentSpec, emergency: Sequence[Manifest] = ()
) -> TenantPlan:
    """Plan one tenant. No other tenant's file is looked at, so none can change what this one gets.

    Expects a tenant that has passed the fleet's checks: the environment has its cell and its integrations. One
    whose state is `purged` is planned as it stands between the two steps of its purge: closed, its data still
    there and no longer protected. `emergency` are the windows of `components.delivery.projects.emergency_windows`.
    """
    planner = _Planner(tenant, environment)
    objects = (
        planner.namespace_object(),
        planner.quota(),
        planner.limits(),
        *plan_walls(tenant, environment),
        *tenant_project(tenant, environment, tenant_labels(tenant, environment.name), emergency),
    )
    if tenant.state in WITH_DATA_ACCESS:
        objects += (
            cell_access(tenant, environment),
            planner.service_account(),
            planner.team(),
            *planner.store(),
        )
    objects += (
        *plan_tenant_database(tenant, environment),
        *plan_tenant_backups(tenant, environment),
        *plan_login(tenant, environment),
        *plan_order_probe(tenant, environment),
    )
    return TenantPlan(
        tenant=tenant.id,
        cell=tenant.cell,
        namespace=planner.namespace,
        wait_seconds=environment.wait_seconds,
        objects=objects,
        reasons=_reasons(tenant),
    )


def _reasons(tenant: TenantSpec) -> tuple[str, ...]:
    at_rest = _AT_REST.get(tenant.state)
    reasons = [
        *([at_rest] if at_rest else []),
        f"The tier is {tenant.tier.value}: {TIERS[tenant.tier].summary}.",
        f"The database stands in cell {tenant.cell}, as the tenant's file says; it never moves by itself.",
    ]
    changed = tenant.preset.quota.hard()
    reasons += [
        f"The quota for {name} is {changed[name]} instead of the tier's {usual}, by the file's overrides."
        for name, usual in TIERS[tenant.tier].quota.hard().items()
        if changed[name] != usual
    ]
    return tuple(reasons)


class _Planner:
    def __init__(self, tenant: TenantSpec, environment: EnvironmentSpec) -> None:
        self._tenant = tenant
        self._environment = environment
        self._state = tenant.state
        self._purged = tenant.state is TenantState.PURGED
        self._labels = tenant_labels(tenant, environment.name)
        self.namespace = tenant_namespace(tenant.id)

    def namespace_object(self) -> KubeObject:
        own = {
            labels.ROLE: labels.ROLE_TENANT,
            labels.RING: str(self._tenant.ring.value),
            labels.CRITICALITY: self._tenant.criticality.value,
            labels.POOL: self._tenant.preset.node_pool.value,
            labels.STATE: self._tenant.state.value,
        }
        security = pod_security_labels(self._environment.pod_security_version)
        annotations = {labels.DOMAINS: ",".join(self._tenant.domains)}
        if self._purged:
            annotations[labels.CONFIRM_DELETION] = deletion_confirmed(self._tenant)
        return KubeObject(
            key="namespace",
            manifest=manifest(
                "v1",
                "Namespace",
                self.namespace,
                labels=self._labels | own | security,
                annotations=annotations,
            ),
            why=(
                "The wall around the tenant. Its purge is confirmed, so the engine may delete it in the next run."
                if self._purged
                else "The wall around the tenant. It is protected: deleting it would delete the volumes as well."
            ),
            protect=not self._purged,
        )

    def quota(self) -> KubeObject:
        hard = self._tenant.preset.quota.hard()
        if self._state is not TenantState.ACTIVE:
            hard["pods"] = str(PODS_AT_REST[self._state])
        return KubeObject(
            key="quota",
            manifest=manifest(
                "v1",
                "ResourceQuota",
                "tenant",
                namespace=self.namespace,
                labels=self._labels,
                spec={"hard": hard},
            ),
            why=_QUOTA_WHY[self._state],
        )

    def limits(self) -> KubeObject:
        bounds = self._tenant.preset.container_limits
        container = {
            "type": "Container",
            "default": bounds.default.model_dump(),
            "defaultRequest": bounds.default_request.model_dump(),
            "max": bounds.max.model_dump(),
            "min": bounds.min.model_dump(),
        }
        return KubeObject(
            key="limits",
            manifest=manifest(
                "v1",
                "LimitRange",
                "tenant",
                namespace=self.namespace,
                labels=self._labels,
                spec={"limits": [container]},
            ),
            why="The quota refuses a container without limits; these are its defaults.",
        )

    def service_account(self) -> KubeObject:
        return KubeObject(
            key="service-account",
            manifest=manifest(
                "v1",
                "ServiceAccount",
                SERVICE_ACCOUNT,
                namespace=self.namespace,
                labels=self._labels,
                automountServiceAccountToken=False,
            ),
            why="The pods' identity. Odoo never calls the cluster's API, so no pod gets a token.",
        )

    def store(self) -> tuple[KubeObject, ...]:
        """Plan the door to the tenant's secrets in AWS; elsewhere whoever runs the cluster fills its Secret."""
        if self._environment.aws is None or not has_databases(self._environment):
            return ()
        return (secret_store(self._environment.aws, self.namespace, self._labels, whose="the tenant's"),)

    def team(self) -> KubeObject:
        api_group = "rbac.authorization.k8s.io"
        return KubeObject(
            key="team",
            manifest=manifest(
                f"{api_group}/v1",
                "RoleBinding",
                "team",
                namespace=self.namespace,
                labels=self._labels,
                roleRef={"apiGroup": api_group, "kind": "ClusterRole", "name": TEAM_ROLE},
                subjects=[{"apiGroup": api_group, "kind": "Group", "name": team_group(self._tenant.id)}],
            ),
            why="The tenant's team may look at its namespace and restart pods; elsewhere it has no rights.",
        )
