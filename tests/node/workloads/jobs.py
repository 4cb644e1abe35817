"""The platform's own jobs of backup and recovery on the node: planned by the plans, started by hand, waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from components.extensions.files import CLAIM
from components.operators.inputs import CONTAINER
from components.recovery.by_hand import started_by_hand
from components.recovery.jobs import pod_spec
from local.kube import ApiError
from local.node.fit import fitted
from local.node.images import table
from local.node.settings import HERE
from tests.components import samples
from tests.node.workloads.platform import eventually

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from components.manifests import KubeObject, Manifest
    from spec.environment import EnvironmentSpec
    from tests.node.workloads.platform import Platform

SECONDS = 900


def environment_for(recipient: str) -> EnvironmentSpec:
    """Return the environment of these tests with backups that are sealed to a key of the test's own."""
    return samples.environment(
        cluster_networks=["10.0.0.0/8", "198.18.0.0/15"],
        recovery={**samples.RECOVERY, "recipients": [recipient]},
    )


def apply(shop: Platform, objects: Iterable[KubeObject]) -> None:
    """Apply what a plan says as it fits the node."""
    for each in objects:
        made = here(shop, each.manifest)
        if made is not None:
            shop.api.apply(made)


def here(shop: Platform, manifest: Manifest) -> dict[str, Any] | None:
    """Return a manifest with the image of the jobs that is here; None for one whose operator does not run here."""
    return fitted(manifest, {samples.RECOVERY["image"]: shop.references[table.RECOVERY.name]})


@dataclass(frozen=True)
class Ended:
    """A Job that ended: whether well, how long it took from its start to its end, and what its pods said."""

    complete: bool
    seconds: float
    said: str


def start(
    shop: Platform, namespace: str, cronjob: str, name: str, command: Sequence[str] | None = None
) -> Ended:
    """Start a CronJob of the cluster by hand, and wait for the end of its Job."""
    path = f"/apis/batch/v1/namespaces/{namespace}"
    planned = shop.api.get(f"{path}/cronjobs/{cronjob}")
    assert planned, f"there is no CronJob {cronjob} in {namespace}"
    shop.api.post(f"{path}/jobs", started_by_hand(planned, name, command))
    return wait(shop, namespace, name)


def run(
    shop: Platform, namespace: str, labels: Mapping[str, str], command: Sequence[str], *, claim: bool = False
) -> Ended:
    """Run a command once in a pod of the tenant's stand-in, with these labels and perhaps the tenant's files."""
    name = f"once-{time.monotonic_ns()}"
    pod = pod_spec(
        {
            "name": "once",
            "image": shop.references[table.STAND_IN.name],
            "imagePullPolicy": "Never",
            "command": list(command),
            "resources": {
                "requests": {"cpu": "20m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
                "limits": {"cpu": "1", "memory": "128Mi", "ephemeral-storage": "64Mi"},
            },
            "securityContext": CONTAINER,
            **({"volumeMounts": [{"name": "filestore", "mountPath": "/filestore"}]} if claim else {}),
        },
        [{"name": "filestore", "persistentVolumeClaim": {"claimName": CLAIM}}] if claim else [],
        account=None,
        restart="Never",
    )
    shop.api.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "backoffLimit": 0,
                "template": {"metadata": {"labels": dict(labels)}, "spec": {**pod, **HERE}},
            },
        }
    )
    return wait(shop, namespace, name)


def wait(shop: Platform, namespace: str, name: str, seconds: float = SECONDS) -> Ended:
    """Wait for the end of a Job."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"

    def ended() -> dict[str, Any] | None:
        job = shop.api.get(path) or {}
        last = job.get("status", {}).get("conditions", [])
        return job if any(_final(each) for each in last) else None

    try:
        job = eventually(f"the end of {name}", ended, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{shop.told(namespace)}\n{logs(shop, namespace, name)}") from error
    (last,) = [each for each in job["status"]["conditions"] if _final(each)]
    began, done = (_moment(each) for each in (job["status"]["startTime"], last["lastTransitionTime"]))
    complete = last["type"] == "Complete"
    said = logs(shop, namespace, name)
    if not complete:
        said += "\n" + shop.told(namespace)
    return Ended(complete, (done - began).total_seconds(), said)


def logs(shop: Platform, namespace: str, name: str) -> str:
    """Return what the pods of a Job said, as far as the node tells it."""
    path, said = f"/api/v1/namespaces/{namespace}/pods", []
    for pod in shop.api.items(path, labelSelector=f"batch.kubernetes.io/job-name={name}"):
        try:
            said.append(shop.api._call("GET", f"{path}/{pod['metadata']['name']}/log", accept="*/*"))
        except ApiError as error:  # a pod that never started has none
            said.append(str(error))
    return "\n".join(said)


def _final(condition: dict[str, Any]) -> bool:
    return condition["status"] == "True" and condition["type"] in {"Complete", "Failed"}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
