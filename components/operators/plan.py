"""Which operators an environment gets, and what each is installed from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from components.operators.catalogue import (
    CATALOGUE,
    NAMESPACES,
    ChartCrds,
    FolderCrds,
    ModuleCrds,
    Operator,
    PodSecurity,
)
from components.operators.inputs import OperatorInputs
from spec.cloud_names import PREFIX, bucket_name, physical
from spec.environment import EnvironmentSpec
from spec.labels import ROLE, ROLE_PLATFORM
from spec.vocabulary import EnvironmentName

CRD_CHARTS: Final = ".storefleet/charts"
"""Folder, from the root of the project, of the charts that are made of an operator's definitions."""
INSTALL_SECONDS: Final = 600
"""Longest that one chart may take: images are pulled on nodes that may have to be started first."""
_REPLICATED: Final = frozenset({EnvironmentName.PRODUCTION, EnvironmentName.DR})


@dataclass(frozen=True, kw_only=True)
class ReleasePlan:
    """One release of Helm. `needs` are keys of releases that must be installed before."""

    key: str
    name: str
    chart: str
    version: str
    repository: str
    namespace: str
    values: Mapping[str, Any]
    needs: tuple[str, ...]
    skip_crds: bool
    hooks: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class CrdChart:
    """A chart to be made of the definitions of one module before the program runs."""

    module: str
    folder: str


@dataclass(frozen=True, kw_only=True)
class OperatorsPlan:
    """The operators of an environment; nothing at all where they are installed already."""

    wait_seconds: int
    namespaces: tuple[KubeObject, ...]
    """The operators' namespaces, and in each the limits of containers that state none."""
    releases: tuple[ReleasePlan, ...]
    crd_charts: tuple[CrdChart, ...]
    service_accounts: Mapping[str, tuple[str, str]]
    """Operators that call AWS -> (namespace, service account) that their role is bound to."""


def plan_operators(environment: EnvironmentSpec, inputs: OperatorInputs) -> OperatorsPlan:
    """Plan the operators of an environment from facts that are known before anything exists.

    `aws.operators: installed`, and an environment without AWS, plan nothing: whoever made the cluster has seen
    to them. Those that only make sense on EKS are left out of any other cluster.
    """
    if environment.aws is None or environment.aws.operators == "installed":
        return OperatorsPlan(
            wait_seconds=environment.wait_seconds,
            namespaces=(),
            releases=(),
            crd_charts=(),
            service_accounts={},
        )
    chosen = [each for each in CATALOGUE if inputs.cluster or not each.only_on_eks]
    spaces = {each.namespace for each in chosen} & set(NAMESPACES)
    spaces |= {"monitoring-agents"} if "monitoring" in spaces else set()
    return OperatorsPlan(
        wait_seconds=environment.wait_seconds,
        namespaces=tuple(
            planned
            for name in sorted(spaces)
            for planned in (_namespace(name, NAMESPACES[name], environment), _limits(name, environment))
        ),
        releases=tuple(release for each in chosen for release in _releases(each, chosen, inputs)),
        crd_charts=tuple(
            CrdChart(module=each.crds.module, folder=crd_folder(each.crds.module))
            for each in chosen
            if isinstance(each.crds, ModuleCrds)
        ),
        service_accounts={
            each.name: (each.namespace, each.service_account) for each in chosen if each.service_account
        },
    )


def inputs_of(environment: EnvironmentSpec) -> OperatorInputs:
    """Return what the values follow from; the names are those that the plans of the things give them."""
    own = environment.name.value
    replicas = 2 if environment.name in _REPLICATED else 1
    if environment.aws is None:
        return OperatorInputs(environment=own, replicas=replicas)
    on_eks = environment.cluster.source == "eks"
    stored = environment.aws.object_storage == "s3"
    return OperatorInputs(
        environment=own,
        replicas=replicas,
        region=environment.aws.region,
        cluster=f"{PREFIX}-{own}" if on_eks else "",
        vpc_name=f"{PREFIX}-{own}",
        interruption_queue=physical(environment, "interruptions") if on_eks else "",
        log_bucket=bucket_name(environment, "logs") if stored else "",
    )


def crd_folder(module: str) -> str:
    """Return the folder of the chart that is made of a module's definitions."""
    return f"{CRD_CHARTS}/{module}"


def _releases(each: Operator, chosen: list[Operator], inputs: OperatorInputs) -> list[ReleasePlan]:
    there = {one.name for one in chosen}
    needs = tuple(name for name in each.needs if name in there)
    crds = _crds(each)
    own = ReleasePlan(
        key=each.name,
        name=each.name,
        chart=each.chart,
        version=each.version,
        repository=each.repository,
        namespace=each.namespace,
        values=each.values(inputs),
        needs=(*(one.key for one in crds), *needs),
        skip_crds=not isinstance(each.crds, FolderCrds),
        hooks=each.hooks,
        why=each.why,
    )
    return [*crds, own]


def _crds(each: Operator) -> list[ReleasePlan]:
    """Plan the definitions of an operator as a release of their own: upgraded first, and never in one go with it."""
    if isinstance(each.crds, ModuleCrds):
        chart, version, repository = crd_folder(each.crds.module), "", ""
    elif isinstance(each.crds, ChartCrds):
        chart, version, repository = each.crds.chart, each.crds.version, each.crds.repository
    else:
        return []
    key = f"{each.name}-crds"
    release = ReleasePlan(
        key=key,
        name=key,
        chart=chart,
        version=version,
        repository=repository,
        namespace=each.namespace,
        values={},
        needs=(),
        skip_crds=False,
        hooks=True,
        why=f"The definitions of {each.name}, apart: removing the operator leaves what they define alone.",
    )
    return [release]


def _namespace(name: str, standard: PodSecurity, environment: EnvironmentSpec) -> KubeObject:
    prefix, version = "pod-security.kubernetes.io", environment.pod_security_version
    held = {f"{prefix}/{mode}": standard for mode in ("enforce", "audit", "warn")}
    held |= {f"{prefix}/{mode}-version": version for mode in ("enforce", "audit", "warn")}
    labels = {**environment_labels(environment.name), ROLE: ROLE_PLATFORM, **held}
    return KubeObject(
        key=f"namespace-{name}",
        manifest=manifest("v1", "Namespace", name, labels=labels),
        why=f"Operators run here, held to the standard {standard}.",
    )


def _limits(name: str, environment: EnvironmentSpec) -> KubeObject:
    """Bound the containers that a chart gives no values for, such as Pyrra's second one and Grafana's helpers."""
    limits = {
        "type": "Container",
        "default": {"memory": "512Mi"},
        "defaultRequest": {"cpu": "25m", "memory": "64Mi"},
    }
    labels = {**environment_labels(environment.name), ROLE: ROLE_PLATFORM}
    return KubeObject(
        key=f"limits-{name}",
        manifest=manifest(
            "v1", "LimitRange", "defaults", namespace=name, labels=labels, spec={"limits": [limits]}
        ),
        why="A container without a limit of its own cannot take the memory of a whole node.",
    )
