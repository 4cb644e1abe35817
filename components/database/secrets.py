"""How passwords reach a cell: read from the secret store by reference, so that no file and no state holds them."""

from collections.abc import Mapping
from typing import Any, Final

from components.manifests import KubeObject, Manifest, manifest
from components.secrets.store import API, STORE, remote_reference, secret_store
from spec.environment import EnvironmentSpec
from spec.naming import cell_namespace

REFRESH: Final = "1h0m0s"
"""How soon a password that was changed in the store arrives."""


def store_of(cell_id: str, environment: EnvironmentSpec, labels: Mapping[str, str]) -> tuple[KubeObject, ...]:
    """Return the cell's door to the secret store of AWS; elsewhere whoever runs the cluster provides one."""
    if environment.aws is None:
        return ()
    return (secret_store(environment.aws, cell_namespace(cell_id), labels, whose="the cell's"),)


def external_secret(
    environment: EnvironmentSpec,
    namespace: str,
    name: str,
    labels: Mapping[str, str],
    *,
    keys: Mapping[str, tuple[str, str]] | None = None,
    entry: str | None = None,
    template: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write an ExternalSecret that fills the Secret of the same name.

    `keys` maps a key of the Secret to an entry of the store and a field of it; `entry` takes a whole one, of which
    `template` makes the Secret.
    """
    target: dict[str, Any] = {"name": name, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    if template is not None:
        target["template"] = {"engineVersion": "v2", **template}
    aws = environment.aws is not None
    spec: dict[str, Any] = {
        "refreshInterval": REFRESH,
        "secretStoreRef": {
            "kind": "SecretStore" if aws else "ClusterSecretStore",
            "name": STORE if aws else environment.secret_store,
        },
        "target": target,
    }
    if keys:
        spec["data"] = [
            {"secretKey": key, "remoteRef": remote_reference(remote, field)}
            for key, (remote, field) in keys.items()
        ]
    if entry:
        spec["dataFrom"] = [{"extract": remote_reference(entry)}]
    return manifest(API, "ExternalSecret", name, namespace=namespace, labels=labels, spec=spec)
