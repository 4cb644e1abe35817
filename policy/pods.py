"""Pods inside Kubernetes objects, at whatever depth."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from policy.frame import Finding, Resource, judge_each
from policy.objects import Container, containers_of
from policy.reading import Unknown, UnknownValue, field, is_mapping, is_sequence, known, mapping

_TEMPLATE: Final = ("spec", "template")
_WHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": _TEMPLATE,
    "Deployment": _TEMPLATE,
    "Job": _TEMPLATE,
    "PodTemplate": ("template",),
    "ReplicaSet": _TEMPLATE,
    "ReplicationController": _TEMPLATE,
    "Rollout": _TEMPLATE,
    "ScaledJob": ("spec", "jobTargetRef", "template"),
    "StatefulSet": _TEMPLATE,
}
"""Kinds whose pods are complete, and where their template stands."""

LONG_RUNNING: Final = frozenset({"Deployment", "StatefulSet", "Rollout"})
"""Kinds that keep a number of pods running."""


@dataclass(frozen=True, kw_only=True)
class Pod:
    """One pod's specification.

    `path` is where it stands. It is `complete` unless it stands in a custom resource whose operator may add
    to it: then it can be judged by what it says, not by what it leaves out.
    """

    path: str
    spec: Mapping[str, object]
    labels: Mapping[str, object]
    complete: bool

    def judge_containers(
        self, resource: Resource, judge: Callable[[Container], Iterable[Finding]]
    ) -> Iterator[Finding]:
        """Judge its containers of every kind; one that is not known yet is undecided."""

        def judge_found(found: Container | Unknown) -> Iterator[Finding]:
            if isinstance(found, Unknown):
                raise UnknownValue(found.path)
            yield from judge(found)

        return judge_each(resource, containers_of(self.spec, self.path), judge_found)


def judge_pods(resource: Resource, judge: Callable[[Pod], Iterable[Finding]]) -> Iterator[Finding]:
    """Judge every pod of an object; a part that is not known yet and may hold one is undecided."""
    if resource.kind not in _WHERE:
        return judge_each(resource, _loose(resource.props, ""), judge)

    def judge_template(owner: Resource) -> Iterator[Finding]:
        if (pod := template(owner)) is not None:
            yield from judge(pod)

    return judge_each(resource, [resource], judge_template)


def template(resource: Resource) -> Pod | None:
    """Return the pod of an object of a built-in kind; None for a kind without one.

    Raises:
        UnknownValue: it is not known yet.

    """
    keys = _WHERE.get(resource.kind)
    if keys is None:
        return None
    spec = field(resource.props, *keys, "spec")
    if not is_mapping(spec):
        return None
    return Pod(
        path=".".join((*keys, "spec")),
        spec=spec,
        labels=mapping(resource.props, *keys, "metadata", "labels"),
        complete=True,
    )


def _loose(node: object, path: str) -> Iterator[Pod]:
    if is_sequence(node):
        for index, value in enumerate(node):
            yield from _loose(value, f"{path}[{index}]")
    elif is_mapping(node) and is_sequence(node.get("containers")):
        yield Pod(path=path, spec=node, labels={}, complete=False)
    elif is_mapping(node):
        for key, value in node.items():
            yield from _loose(value, f"{path}.{key}" if path else key)


def replicas(resource: Resource) -> int:
    """Return how many pods a long-running kind is told to keep; Kubernetes' default is one.

    Raises:
        UnknownValue: it is not known yet.

    """
    number = known(field(resource.props, "spec", "replicas"))
    return int(number) if isinstance(number, int | float) else 1
