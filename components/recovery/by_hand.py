"""A CronJob that somebody starts by hand, as `kubectl create job --from` does, or to do another thing. Pure."""

import copy
from collections.abc import Sequence
from typing import Any

from components.manifests import Manifest, manifest


def started_by_hand(cronjob: Manifest, name: str, command: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the Job that a CronJob makes when somebody starts it.

    Args:
        cronjob: as planned, or as it is in the cluster.
        name: of the Job.
        command: what its only container does instead; it then counts as no run of the CronJob, whose alerts would
            otherwise take a checkpoint for a backup.

    """
    template = copy.deepcopy(dict(cronjob["spec"]["jobTemplate"]))
    metadata = cronjob["metadata"]
    made = dict(
        manifest(
            "batch/v1",
            "Job",
            name,
            namespace=metadata["namespace"],
            labels=template["metadata"]["labels"],
            annotations={"cronjob.kubernetes.io/instantiate": "manual"},
            spec=template["spec"],
        )
    )
    if command is not None:
        (container,) = template["spec"]["template"]["spec"]["containers"]
        container["args"] = list(command)
    elif "uid" in metadata:
        owner = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        made["metadata"] = {**made["metadata"], "ownerReferences": [{**owner, "controller": True}]}
    return made


def checkpoint_command(tenant: str, release: str) -> list[str]:
    """Return what the pod of a tenant's backup does instead, to take the checkpoint of a release."""
    return ["checkpoint", "take", tenant, "--release", release]
