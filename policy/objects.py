"""Kubernetes objects among a program's resources, and the containers inside them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from policy.frame import Finding, Resource, judge_each
from policy.reading import Unknown, UnknownValue, is_mapping, is_sequence, text
from spec.naming import cell_namespace, tenant_namespace

CONTAINER_LISTS: Final = {
    "containers": "container",
    "initContainers": "init container",
    "ephemeralContainers": "ephemeral container",
}
"""The fields of a pod that hold containers, and what to call one of them."""

_TENANT_PREFIX: Final = tenant_namespace("")
_CELL_PREFIX: Final = cell_namespace("")

# An unknown value at one of these could hide containers; anywhere else in an object it cannot.
_MAY_HOLD_CONTAINERS: Final = frozenset(CONTAINER_LISTS) | {
    "spec",
    "template",
    "jobTemplate",
    "podTemplate",
    "jobTargetRef",
}


def is_kubernetes(token: str) -> bool:
    """Whether a type is an object of the Kubernetes provider: typed, custom or a patch."""
    return token.startswith("kubernetes:")


def is_workload(token: str) -> bool:
    """Whether a type may hold pods.

    Definitions of custom resources describe containers without having any; secrets and configuration hold
    text that only looks like them.
    """
    return is_kubernetes(token) and token.rpartition(":")[2] not in {
        "ConfigMap",
        "CustomResourceDefinition",
        "Secret",
    }


def kinds(*names: str) -> Callable[[str], bool]:
    """Select Kubernetes objects of the given kinds, in whichever API group."""
    wanted = frozenset(names)
    return lambda token: is_kubernetes(token) and token.rpartition(":")[2] in wanted


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container of any kind of pod, at any depth of an object.

    `path` is where it stands, `role` which list it is in (`init container`), `fields` the container itself.
    """

    path: str
    role: str
    name: str
    fields: Mapping[str, object]

    @property
    def title(self) -> str:
        """What to call it: `init container migrate`."""
        return f"{self.role} {self.name}"


def judge_containers(
    resource: Resource, judge: Callable[[Container], Iterable[Finding]]
) -> Iterator[Finding]:
    """Judge every container of an object, whatever its kind: Deployment, CronJob, Pod, a custom resource.

    Pods are found by their shape (a list named `containers`, …), so that kinds nobody listed are judged too.
    A part that is not known yet and may hold containers is `Undecided`.
    """

    def judge_found(found: Container | Unknown) -> Iterator[Finding]:
        if isinstance(found, Unknown):
            raise UnknownValue(found.path)
        yield from judge(found)

    return judge_each(resource, containers_of(resource.props), judge_found)


def containers_of(node: object, path: str = "") -> Iterator[Container | Unknown]:
    """Yield every container at any depth below a value at `path`, and what may hold some but is unknown."""
    return _containers(node, path)


def _containers(node: object, path: str) -> Iterator[Container | Unknown]:
    if is_mapping(node):
        for key, value in node.items():
            here = f"{path}.{key}" if path else key
            if isinstance(value, Unknown):
                if key in _MAY_HOLD_CONTAINERS:
                    yield value
            elif key in CONTAINER_LISTS and is_sequence(value):
                yield from _listed(value, here, CONTAINER_LISTS[key])
            else:
                yield from _containers(value, here)
    elif is_sequence(node):
        for index, value in enumerate(node):
            yield from _containers(value, f"{path}[{index}]")


def _listed(items: Iterable[object], path: str, role: str) -> Iterator[Container | Unknown]:
    for index, item in enumerate(items):
        here = f"{path}[{index}]"
        if isinstance(item, Unknown):
            yield item
        elif is_mapping(item):
            name = item.get("name")
            yield Container(path=here, role=role, name=name if isinstance(name, str) else here, fields=item)


def image_volumes(resource: Resource) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Every volume of a pod that is an image, with its path."""
    return _image_volumes(resource.props, "")


def _image_volumes(node: object, path: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    if is_mapping(node):
        for key, value in node.items():
            here = f"{path}.{key}" if path else key
            if key == "volumes" and is_sequence(value):
                for index, volume in enumerate(value):
                    image = volume.get("image") if is_mapping(volume) else None
                    if is_mapping(image):
                        yield f"{here}[{index}].image.reference", image
            else:
                yield from _image_volumes(value, here)
    elif is_sequence(node):
        for index, value in enumerate(node):
            yield from _image_volumes(value, f"{path}[{index}]")


def namespace_of(resource: Resource) -> str | None:
    """Return the namespace that an object is in; None for an object of the whole cluster.

    Raises:
        UnknownValue: it is not known yet.

    """
    return text(resource.props, "metadata", "namespace")


def is_tenant_namespace(name: str) -> bool:
    """Whether a namespace's name is one that a tenant gets."""
    return name.startswith(_TENANT_PREFIX)


def is_cell_namespace(name: str) -> bool:
    """Whether a namespace's name is one that a cell gets."""
    return name.startswith(_CELL_PREFIX)
