"""What all tenants of an environment share: priority classes by tier, and the rights of a tenant's team."""

from dataclasses import dataclass
from typing import Final

from components.labelling import environment_labels
from components.manifests import KubeObject, Manifest, manifest
from spec.environment import EnvironmentSpec
from spec.tiers import TIERS, TierPreset
from spec.vocabulary import Tier

TEAM_ROLE: Final = "storefleet-tenant-team"
"""The ClusterRole of every tenant's team. It is only ever bound inside a namespace."""

_READ: Final = ("get", "list", "watch")


@dataclass(frozen=True, kw_only=True)
class PlatformPlan:
    """The objects of the platform, none of which belongs to a namespace."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]


def plan_platform(environment: EnvironmentSpec) -> PlatformPlan:
    """Plan what tenants refer to. Only the tier table decides it, so no tenant's file can change it."""
    labels = environment_labels(environment.name)
    role = KubeObject(
        key="tenant-team",
        manifest=manifest(
            "rbac.authorization.k8s.io/v1", "ClusterRole", TEAM_ROLE, labels=labels, rules=_team_rules()
        ),
        why="One set of rights for the teams of all tenants; each has it only where a binding gives it.",
    )
    classes = tuple(_priority_class(tier, preset, labels) for tier, preset in TIERS.items())
    return PlatformPlan(wait_seconds=environment.wait_seconds, objects=(role, *classes))


def _priority_class(tier: Tier, preset: TierPreset, labels: dict[str, str]) -> KubeObject:
    priority = preset.priority_class
    body: Manifest = manifest(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        priority.name,
        labels=labels,
        value=priority.value,
        globalDefault=False,
        description=f"Pods of {tier.value} tenants.",
    )
    why = f"When nodes are short, {tier.value} tenants queue at {priority.value}; higher goes first."
    return KubeObject(key=f"priority-{tier.value}", manifest=body, why=why)


def _team_rules() -> list[Manifest]:
    """State what a team may do in its own namespace: look at everything but Secrets, and restart a pod.

    Nothing may be created or changed, because Argo CD owns the workload and because whoever writes pods can
    mount any Secret of the namespace. There is no exec and no port-forward: both lead to the database, whose
    server holds other tenants too. There is no verb on namespaces: a team that can write its namespace's
    labels can undo Pod Security and join another tenant's network.
    """
    core = (
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "pods/status",
        "resourcequotas",
        "serviceaccounts",
        "services",
    )
    by_group: dict[str, tuple[str, ...]] = {
        "": core,
        "apps": ("deployments", "replicasets", "statefulsets"),
        "autoscaling": ("horizontalpodautoscalers",),
        "batch": ("cronjobs", "jobs"),
        "discovery.k8s.io": ("endpointslices",),
        "events.k8s.io": ("events",),
        "networking.k8s.io": ("ingresses", "networkpolicies"),
        "policy": ("poddisruptionbudgets",),
    }
    reading: list[Manifest] = [
        {"apiGroups": [group], "resources": list(resources), "verbs": list(_READ)}
        for group, resources in by_group.items()
    ]
    return [*reading, {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}]
