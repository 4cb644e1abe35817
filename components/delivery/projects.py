"""The projects of Argo CD: one that confines each tenant, and those that tenants' projects inherit from.

A project of a tenant says where it may go and who may act. What is the same for all (the repository, the kinds) and
what is the same for all under a calendar (the sync windows) stands once, in projects that Argo CD calls global: every
project that bears their label inherits it. So a tenant more changes no project but its own, and there is never a
window a tenant.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from types import MappingProxyType
from typing import Any, Final

from components.labelling import environment_labels
from components.manifests import KubeObject, Manifest, manifest
from release.windows import Exemption, calendar_windows, sync_windows
from spec import labels
from spec.calendar_files import Calendar
from spec.environment import EnvironmentSpec
from spec.fleet import Fleet
from spec.naming import ARGO_CD, bounded, team_group, tenant_namespace
from spec.tenant import TenantSpec
from spec.vocabulary import TenantState

API: Final = "argoproj.io/v1alpha1"
COMMON: Final = "storefleet-tenants"
"""The project that all tenants' projects inherit from."""
CLUSTER: Final = "https://kubernetes.default.svc"
"""The cluster that Argo CD runs in."""

DELIVERED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "": ("ConfigMap", "PersistentVolumeClaim", "Service"),
        "apps": ("Deployment",),
        "batch": ("Job",),
        "cert-manager.io": ("Certificate",),
        "external-secrets.io": ("ExternalSecret",),
        "keda.sh": ("ScaledObject",),
        "policy": ("PodDisruptionBudget",),
        "traefik.io": ("IngressRoute", "Middleware"),
    }
)
"""The kinds that the chart of a tenant has, by API group."""
WATCHED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "": ("Pod",),
        "apps": ("DaemonSet", "ReplicaSet", "StatefulSet"),
        "networking.k8s.io": ("Ingress",),
    }
)
"""Kinds that the chart does not have. A project reports foreign objects only of kinds that it permits."""

_NEVER: Final = {
    "kind": "deny",
    "schedule": "* * * * *",
    "duration": "24h",
    "timeZone": "UTC",
    "applications": ["*"],
    "manualSync": False,
    "syncOverrun": False,
    "description": "The tenant has left: nothing is applied to it",
}
_CLOSED: Final = frozenset({TenantState.ARCHIVED, TenantState.PURGED})

_READS: Final = (("applications", "get"), ("logs", "get"))
_ROLES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "auditor": (("applications", "get"),),
        "release-manager": (*_READS, ("applications", "sync")),
        "operator": (*_READS, ("applications", "sync"), ("applications", "action/apps/Deployment/restart")),
    }
)
"""Who may do what with a tenant's Application. Nobody may change or delete one, or synchronise another revision: what
runs is decided in Git, by another person than who approves it there."""


def calendar_project(calendar_id: str) -> str:
    """Return the name of the project with a calendar's windows: ``calendar-<id>``, bounded to 63 characters."""
    return bounded(f"calendar-{calendar_id}")


def emergency_windows(
    tenant: TenantSpec, fleet: Fleet, exemptions: Sequence[Exemption]
) -> tuple[Manifest, ...]:
    """Return the windows that a tenant's project has instead of its calendar's, while an emergency is on record.

    They are the calendar's, open to people from the emergency's begin to its end, both of which are written into them:
    nothing has to be done for it to end. None where the tenant has no emergency, or no freeze to open.
    """
    at = _start_of(fleet)
    own = [each for each in exemptions if tenant.id in each.tenants and each.ends > at]
    if not own or tenant.calendar not in calendars_in_use(fleet):
        return ()
    return tuple(each.manifest() for each in sync_windows([tenant], fleet.calendars, at, own))


def tenant_project(
    tenant: TenantSpec,
    environment: EnvironmentSpec,
    own: Mapping[str, str],
    emergency: Sequence[Manifest] = (),
) -> tuple[KubeObject, ...]:
    """Plan a tenant's project, named after its namespace; none where nothing is delivered.

    `own` are its labels; `emergency` are the windows that it has instead of its calendar's (`emergency_windows`).
    """
    if environment.delivery is None:
        return ()
    marks = {labels.ROLE: labels.ROLE_TENANT}
    if tenant.calendar is not None and not emergency:
        marks[labels.CALENDAR] = bounded(tenant.calendar)
    name = tenant_namespace(tenant.id)
    roles = {"team": (team_group(tenant.id), _READS)} | {
        role: (f"storefleet:{role}", rights) for role, rights in _ROLES.items()
    }
    spec: dict[str, Any] = {
        "description": f"{tenant.display_name}: its own namespace and nothing else",
        "destinations": [{"server": CLUSTER, "namespace": name}],
        "clusterResourceWhitelist": [],
        "orphanedResources": {
            "warn": True,
            # Written by the commands about backups; rehearsals are started before any pointer names their release.
            "ignore": [
                {"group": "", "kind": "ConfigMap", "name": "checkpoints"},
                {"group": "batch", "kind": "Job", "name": "rehearse-*"},
            ],
        },
        "roles": [_role(name, role, group, rights) for role, (group, rights) in roles.items()],
    }
    if tenant.state in _CLOSED:
        spec["syncWindows"] = [_NEVER]
    elif emergency:
        spec["syncWindows"] = list(emergency)
    body = manifest(API, "AppProject", name, namespace=ARGO_CD, labels={**own, **marks}, spec=spec)
    why = (
        "Argo CD reaches the tenant's namespace for it and no other; who may act is another than who decides."
    )
    return (KubeObject(key="project", manifest=body, why=why),)


def common_projects(fleet: Fleet, repository: str) -> tuple[KubeObject, ...]:
    """Plan what tenants' projects inherit: the repository and kinds, and the windows of each calendar in use."""
    at = _start_of(fleet)
    common = KubeObject(
        key="tenants",
        manifest=_global(
            fleet.environment,
            COMMON,
            {
                "description": "What all tenants' projects inherit: one repository, and the kinds of a workload",
                "sourceRepos": [repository],
                "namespaceResourceWhitelist": [
                    {"group": group, "kind": kind}
                    for kinds in (DELIVERED, WATCHED)
                    for group, names in kinds.items()
                    for kind in names
                ],
            },
        ),
        why="No project takes from another repository, and none brings walls, rights or secrets.",
    )
    return (
        common,
        *(_frozen(fleet.environment, fleet.calendars[each], at) for each in calendars_in_use(fleet)),
    )


def windows_by_project(
    fleet: Fleet, repository: str, exemptions: Sequence[Exemption] = ()
) -> dict[str, list[Manifest]]:
    """Return `spec.syncWindows` of every project that has some, as the plan of the fleet writes them, by its name.

    They are those of calendars in use, of tenants under an emergency, and of tenants that have left. A tenant's project
    that is not among them inherits its calendar's, or is never frozen. Empty where nothing is delivered.
    """
    if fleet.environment.delivery is None:
        return {}
    planned = [*common_projects(fleet, repository)]
    for tenant in sorted(fleet.tenants, key=lambda each: each.id):
        planned += tenant_project(tenant, fleet.environment, {}, emergency_windows(tenant, fleet, exemptions))
    return {
        one.meta.name: list(windows)
        for one in planned
        if (windows := one.manifest["spec"].get("syncWindows")) is not None
    }


def calendars_in_use(fleet: Fleet) -> tuple[str, ...]:
    """Return the ids of the calendars that Argo CD is told of: those that tenants are under, or none."""
    delivery = fleet.environment.delivery
    if delivery is None or not delivery.freezes:
        return ()
    used = {tenant.calendar for tenant in fleet.tenants if tenant.calendar is not None}
    return tuple(sorted(used & set(fleet.calendars)))


def _start_of(fleet: Fleet) -> datetime:
    return datetime.combine(fleet.day, time(), UTC)


def _frozen(environment: EnvironmentSpec, calendar: Calendar, at: datetime) -> KubeObject:
    windows = [each.manifest() for each in calendar_windows(calendar, at)]
    return KubeObject(
        key=f"calendar-{calendar.id}",
        manifest=_global(
            environment,
            calendar_project(calendar.id),
            {
                "description": f"When tenants under the calendar {calendar.id} are frozen",
                "syncWindows": windows,
            },
        ),
        why=f"{len(windows)} windows for all tenants under the calendar, whatever their number.",
    )


def _global(environment: EnvironmentSpec, name: str, spec: dict[str, Any]) -> Manifest:
    own = {**environment_labels(environment.name), labels.ROLE: labels.ROLE_PLATFORM}
    return manifest(API, "AppProject", name, namespace=ARGO_CD, labels=own, spec=spec)


def _role(project: str, role: str, group: str, rights: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {
        "name": role,
        "groups": [group],
        "policies": [
            f"p, proj:{project}:{role}, {resource}, {action}, {project}/*, allow"
            for resource, action in rights
        ],
    }
