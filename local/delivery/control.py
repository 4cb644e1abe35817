"""Start and status of the embedded delivery; `local.controlplane.control` stops it with everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.controlplane import control, ports, processes
from local.delivery import services
from local.toolchain import catalog
from spec.labels import RELEASE, TENANT
from spec.naming import ARGO_CD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.kube import KubeApi
    from local.progress import Progress
    from local.state import State

PROGRAMS: Final = (catalog.ARGOCD, catalog.HELM, catalog.REDIS)
NAMES: Final = ("redis", "repo-server", "application-controller", "applicationset-controller")
"""The processes, in the order in which they are started."""

APPLICATIONS: Final = f"/apis/argoproj.io/v1alpha1/namespaces/{ARGO_CD}/applications"
"""Where the API server has the Applications."""
_LONGEST: Final = 400


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """How far the delivery of one tenant is, in Argo CD's words; `message` says why, where it is not well."""

    tenant: str
    release: str
    sync: str
    health: str
    compared: bool
    """Whether both are about what the Application asks for now: a pointer that has just moved is not compared yet."""
    message: str = ""

    @property
    def well(self) -> bool:
        """Whether the cluster holds what Git says, and all of it works."""
        return self.compared and self.sync == "Synced" and self.health == "Healthy"


def start(state: State, programs: Mapping[str, Path], progress: Progress) -> None:
    """Start what is not running of Argo CD, in a cluster that `bootstrap.apply` has made ready for it.

    Raises EnvironmentTrouble with the process that would not come up and the end of its log.
    """
    with progress.step("embedded delivery: Argo CD") as step:
        layout, _ = control.prepare(state, programs)
        services.prepare(layout)
        first = [services.redis(layout), services.repo_server(layout)]
        # One that asks before the repository server answers does not ask again for three minutes.
        second = [services.application_controller(layout), services.applicationset_controller(layout)]
        started = [each.name for each in first if processes.start(each)]
        closed = {"redis": "redis", "repo-server": "the repository server"}
        control.wait(
            step,
            first,
            lambda: next(
                (what for name, what in closed.items() if not ports.answers(layout.ports[name])), ""
            ),
        )
        started += [each.name for each in second if processes.start(each)]
        step.result = f"started {', '.join(started)}" if started else "already running"


def status(state: State) -> tuple[control.ProcessStatus, ...]:
    """Return what runs and what does not; nothing at all where none of it does."""
    found = control.status_of(state, NAMES)
    return found if any(each.pid is not None for each in found) else ()


def applications(api: KubeApi) -> tuple[Delivered, ...]:
    """Return how far each tenant is, in the order of the tenants; none where the cluster has no Argo CD."""
    items = api.items(APPLICATIONS)
    return tuple(sorted((_delivered(each) for each in items), key=lambda each: each.tenant))


def _delivered(application: Mapping[str, Any]) -> Delivered:
    status: Mapping[str, Any] = application.get("status") or {}
    labels: Mapping[str, str] = application["metadata"].get("labels") or {}
    conditions: list[Mapping[str, Any]] = status.get("conditions") or []
    operation: Mapping[str, Any] = status.get("operationState") or {}
    failed = str(operation.get("message", "")) if operation.get("phase") in {"Error", "Failed"} else ""
    said = next((str(each["message"]) for each in conditions if str(each["type"]).endswith("Error")), failed)
    warned = next((str(each["message"]) for each in conditions if "Warning" in str(each["type"])), "")
    return Delivered(
        tenant=labels.get(TENANT, str(application["metadata"]["name"])),
        release=labels.get(RELEASE, ""),
        sync=_status_of(status, "sync"),
        health=_status_of(status, "health"),
        compared=_compared(application),
        message=_short(" ".join((said or warned).split())),
    )


def _status_of(status: Mapping[str, Any], part: str) -> str:
    found: Mapping[str, Any] = status.get(part) or {}
    return str(found.get("status", "Unknown"))


def _short(text: str) -> str:
    """Return a message without its middle, where it is long: its end is the cause."""
    return text if len(text) <= _LONGEST else f"{text[:60]} ... {text[-_LONGEST + 65 :]}"


def _compared(application: Mapping[str, Any]) -> bool:
    status: Mapping[str, Any] = application.get("status") or {}
    sync: Mapping[str, Any] = status.get("sync") or {}
    against: Mapping[str, Any] = sync.get("comparedTo") or {}
    spec: Mapping[str, Any] = application["spec"]
    return bool(against.get("source") == spec.get("source"))
