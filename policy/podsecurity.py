"""What the Pod Security standard `restricted` asks of a pod, field by field."""

from collections.abc import Iterator, Mapping
from typing import Final

from policy.objects import Container
from policy.pods import Pod
from policy.reading import field, is_mapping, mapping, sequence, text

Complaint = tuple[str, str]
"""What is wrong, and what to do."""

_VOLUMES: Final = frozenset(
    {
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "name"),
        *("persistentVolumeClaim", "projected", "secret"),
    }
)
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        *(
            "net.ipv4.ip_local_port_range",
            "net.ipv4.ip_local_reserved_ports",
            "net.ipv4.ip_unprivileged_port_start",
        ),
        *("net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"),
    }
)
_SELINUX_TYPES: Final = (
    None,
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
)
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def pod_complaints(pod: Pod) -> Iterator[Complaint]:
    """Say, as clauses, where a pod as a whole leaves the standard.

    Raises:
        UnknownValue: a field of it is not known yet.

    """
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if field(pod.spec, name) is True:
            yield f"its pods share the node's {name.removeprefix('host')}", f"remove {pod.path}.{name}"
    for volume in sequence(pod.spec, "volumes"):
        if wrong := [kind for kind, source in mapping(volume).items() if source and kind not in _VOLUMES]:
            yield (
                f"its volume {text(volume, 'name')} is of the kind {', '.join(wrong)}",
                "use a PersistentVolumeClaim, emptyDir, ConfigMap, Secret or projected volume",
            )
    context = mapping(pod.spec, "securityContext")
    for item in sequence(context, "sysctls"):
        if text(item, "name") not in _SYSCTLS:
            yield (
                f"its pods set the sysctl {text(item, 'name')}",
                f"remove it from {pod.path}.securityContext",
            )
    yield from _options(context, f"{pod.path}.securityContext", "its pods")


def container_complaints(pod: Pod, container: Container) -> Iterator[Complaint]:
    """Say, as clauses, where one of a pod's containers leaves the standard.

    Raises:
        UnknownValue: a field of it is not known yet.

    """
    context, outer = mapping(container.fields, "securityContext"), mapping(pod.spec, "securityContext")
    here = f"{container.path}.securityContext"
    if field(context, "privileged") is True:
        yield f"{container.title} is privileged", f"remove {here}.privileged"
    escalation = field(context, "allowPrivilegeEscalation")
    if escalation is True or (pod.complete and escalation is not False):
        yield f"{container.title} may gain privileges", f"set {here}.allowPrivilegeEscalation to false"
    dropped = sequence(context, "capabilities", "drop")
    if "ALL" not in dropped and (pod.complete or dropped):
        yield f"{container.title} keeps Linux capabilities", f"set {here}.capabilities.drop to [ALL]"
    added = [item for item in sequence(context, "capabilities", "add") if item != "NET_BIND_SERVICE"]
    if added:
        yield f"{container.title} adds Linux capabilities", f"leave {here}.capabilities.add out"
    if text(context, "procMount") not in (None, "Default"):
        yield f"{container.title} sees an unmasked /proc", f"remove {here}.procMount"
    yield from _users(pod, container, context, outer)
    yield from _options(context, here, container.title)
    yield from _host(container)


def writable_root(container: Container) -> bool:
    """Whether a container may write to its own image; the standard leaves this open."""
    return field(container.fields, "securityContext", "readOnlyRootFilesystem") is not True


def _users(
    pod: Pod, container: Container, context: Mapping[str, object], outer: Mapping[str, object]
) -> Iterator[Complaint]:
    own = field(context, "runAsNonRoot")
    non_root = own if own is not None else field(outer, "runAsNonRoot")
    if non_root is False or (pod.complete and non_root is not True):
        yield f"{container.title} may run as root", f"set {pod.path}.securityContext.runAsNonRoot to true"
    user = field(context, "runAsUser")
    if (user if user is not None else field(outer, "runAsUser")) == 0:
        yield f"{container.title} runs as user 0", "set runAsUser to another number"
    profile = text(context, "seccompProfile", "type") or text(outer, "seccompProfile", "type")
    if profile is None and pod.complete:
        yield (
            f"{container.title} has no seccomp profile",
            f"set {pod.path}.securityContext.seccompProfile.type to RuntimeDefault",
        )


def _options(context: Mapping[str, object], here: str, owner: str) -> Iterator[Complaint]:
    if text(context, "seccompProfile", "type") == "Unconfined":
        yield f"{owner} switch seccomp off", f"set {here}.seccompProfile.type to RuntimeDefault"
    if text(context, "appArmorProfile", "type") == "Unconfined":
        yield f"{owner} switch AppArmor off", f"remove {here}.appArmorProfile"
    selinux = mapping(context, "seLinuxOptions")
    if text(selinux, "type") not in _SELINUX_TYPES or text(selinux, "user") or text(selinux, "role"):
        yield f"{owner} set SELinux options of their own", f"remove {here}.seLinuxOptions"
    if field(context, "windowsOptions", "hostProcess") is True:
        yield f"{owner} run as a process of the node", f"remove {here}.windowsOptions"


def _host(container: Container) -> Iterator[Complaint]:
    for index, port in enumerate(sequence(container.fields, "ports")):
        if field(port, "hostPort") not in (None, 0):
            yield (
                f"{container.title} takes a port of the node",
                f"remove hostPort of {container.path}.ports[{index}] and use a Service",
            )
    actions = [mapping(container.fields, name) for name in _PROBES]
    actions += [mapping(container.fields, "lifecycle", name) for name in ("postStart", "preStop")]
    for action in actions:
        for kind in ("httpGet", "tcpSocket"):
            named = mapping(action, kind)
            if is_mapping(named) and text(named, "host"):
                yield f"{container.title} has a probe that names a host", "remove host from it"
