"""What customers wait for survives the loss of a node or a zone, and lets a node be emptied."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field

from policy.belonging import EnvironmentSettings
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.objects import Container, kinds, namespace_of
from policy.pods import LONG_RUNNING, Pod, replicas, template
from policy.reading import field, is_mapping, mapping, sequence, text

_POSTGRES: Final = "kubernetes:postgresql.cnpg.io/v1:Cluster"
_SCALERS: Final = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})


_COPIES: Final = 3
_ZONE: Final = "topology.kubernetes.io/zone"


class AvailabilitySettings(EnvironmentSettings):
    """What keeps a workload available; in other environments it is advice."""

    probes: tuple[str, ...] = Field(
        ("livenessProbe", "readinessProbe"), description="probes of every container that keeps running"
    )


def check(resources: Sequence[Resource], settings: AvailabilitySettings) -> Iterator[Finding]:
    """Find workloads without probes, with all pods in one place, or without a budget that permits a drain."""
    for resource in resources:
        if resource.kind in LONG_RUNNING:
            for finding in judge_each(
                resource, [resource], lambda each: _workload(each, resources, settings)
            ):
                yield _as_required(finding, settings)
        elif resource.type == _POSTGRES and settings.required_for(resource):
            yield from judge_each(resource, [resource], _database)


def _database(cluster: Resource) -> Iterator[Finding]:
    """Find clusters that one zone takes down, or whose standby does not have what was confirmed."""
    count = field(cluster.props, "spec", "instances")
    if not isinstance(count, int | float) or count < _COPIES:
        yield Violation(
            cluster,
            f"it has {int(count) if isinstance(count, int | float) else 'no'} instances, so a node is an outage",
            f"set spec.instances to {_COPIES}",
        )
        return
    affinity = mapping(cluster.props, "spec", "affinity")
    apart = text(affinity, "podAntiAffinityType") == "required"
    if not apart or text(affinity, "topologyKey") != _ZONE:
        yield Violation(
            cluster,
            "its instances may all be in one zone",
            f"set spec.affinity.topologyKey to {_ZONE} and podAntiAffinityType to required",
        )
    if not mapping(cluster.props, "spec", "postgresql", "synchronous"):
        yield Violation(
            cluster,
            "what it confirms is on one disk alone",
            "set spec.postgresql.synchronous with a number of 1 or more",
        )


def _as_required(finding: Finding, settings: AvailabilitySettings) -> Finding:
    if isinstance(finding, Violation) and not settings.required_for(finding.resource):
        return Violation(finding.resource, finding.problem, finding.fix, advice=True)
    return finding


def _workload(
    resource: Resource, resources: Sequence[Resource], settings: AvailabilitySettings
) -> Iterator[Finding]:
    pod = template(resource)
    if pod is None:
        return
    yield from pod.judge_containers(resource, lambda each: _probes(resource, each, settings))
    count = _least(resource, resources)
    if count > 1:
        if not _spreads(pod):
            yield Violation(
                resource,
                f"its {count} pods may all be on one node",
                f"add {pod.path}.topologySpreadConstraints over topology.kubernetes.io/zone or hostnames",
            )
        yield from _budgets(resource, pod, count, resources)


def _probes(resource: Resource, container: Container, settings: AvailabilitySettings) -> Iterator[Finding]:
    sidecar = text(container.fields, "restartPolicy") == "Always"
    if container.role != "container" and not sidecar:
        return
    missing = [probe for probe in settings.probes if not is_mapping(field(container.fields, probe))]
    if missing:
        yield Violation(
            resource,
            f"{container.title} has no {' and no '.join(missing)}",
            f"add it to {container.path}; a liveness probe must not depend on the database",
        )


def _least(resource: Resource, resources: Sequence[Resource]) -> int:
    """Return the fewest pods there will be: what a scaler says, or the workload itself."""
    for scaler in resources:
        if scaler.kind in _SCALERS and namespace_of(scaler) == namespace_of(resource):
            target = mapping(scaler.props, "spec", "scaleTargetRef")
            if text(target, "name") == text(resource.props, "metadata", "name"):
                spec = mapping(scaler.props, "spec")
                least = field(spec, "minReplicas" if "minReplicas" in spec else "minReplicaCount")
                return int(least) if isinstance(least, int | float) else 1
    return replicas(resource)


def _spreads(pod: Pod) -> bool:
    return bool(
        sequence(pod.spec, "topologySpreadConstraints") or mapping(pod.spec, "affinity", "podAntiAffinity")
    )


def _budgets(resource: Resource, pod: Pod, count: int, resources: Sequence[Resource]) -> Iterator[Finding]:
    own = [each for each in resources if each.kind == "PodDisruptionBudget" and _covers(each, resource, pod)]
    if not own:
        yield Violation(
            resource,
            "no PodDisruptionBudget keeps pods of it running while nodes are emptied",
            "add one with maxUnavailable: 1 that selects its pods",
        )
    for budget in own:
        if not _permits(budget, count):
            yield Violation(
                resource,
                f"its {budget.title} lets no pod go, so no node that it is on can be emptied",
                "set maxUnavailable: 1 instead",
            )


def _covers(budget: Resource, resource: Resource, pod: Pod) -> bool:
    wanted: Mapping[str, object] = mapping(budget.props, "spec", "selector", "matchLabels")
    return (
        namespace_of(budget) == namespace_of(resource)
        and bool(wanted)
        and all(pod.labels.get(key) == value for key, value in wanted.items())
    )


def _permits(budget: Resource, count: int) -> bool:
    spec = mapping(budget.props, "spec")
    most, least = field(spec, "maxUnavailable"), field(spec, "minAvailable")
    if most is not None:
        return most not in (0, "0", "0%")
    if isinstance(least, str):
        return least not in ("100%", str(count))
    return not isinstance(least, int | float) or least < count


RULE: Final = StackRule(
    name="availability",
    title="Workloads have probes, spread out and permit a drain; a database has a copy in each zone.",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    framework=Framework(
        name="AWS Well-Architected Framework",
        version="2024-06",
        specification="REL11 (kubescape C-0056, C-0018)",
    ),
    remediation="Give every container probes; spread two or more pods over nodes or zones, with a "
    "PodDisruptionBudget of maxUnavailable: 1. Give a PostgreSQL cluster three instances, required anti-affinity "
    "over zones, and synchronous replication.",
    settings=AvailabilitySettings,
    selects=lambda token: token == _POSTGRES or kinds(*LONG_RUNNING, *_SCALERS, "PodDisruptionBudget")(token),
    check=check,
    advises=True,
)
