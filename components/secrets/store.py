"""The door to the secret store of AWS: one in each namespace that reads from it."""

from collections.abc import Mapping
from typing import Final

from components.manifests import KubeObject, manifest
from spec.aws import AwsSpec

API: Final = "external-secrets.io/v1"
STORE: Final = "storefleet"
"""Name of the SecretStore in every namespace that has one."""


def secret_store(
    aws: AwsSpec, namespace: str, labels: Mapping[str, str], *, key: str = "secret-store", whose: str
) -> KubeObject:
    """Return a namespace's SecretStore; `whose` names the part of the store, for people.

    It names no identity: External Secrets reads with its own, and what it may be asked for in a namespace of a
    tenant is what the admission policy of the rule secret-source lets through.
    """
    provider = {"aws": {"service": "SecretsManager", "region": aws.region}}
    return KubeObject(
        key=key,
        manifest=manifest(
            API, "SecretStore", STORE, namespace=namespace, labels=labels, spec={"provider": provider}
        ),
        why=f"Reads {whose} part of the secret store; one for all namespaces would be open to them all.",
    )


def remote_reference(entry: str, field: str | None = None) -> dict[str, str]:
    """Return a reference to an entry of the store, or to one field of it.

    The definition's defaults are written out: a list of references belongs as a whole to whoever applied it, and what
    a killed engine created could not be applied again without them.
    """
    reference = {
        "key": entry,
        "conversionStrategy": "Default",
        "decodingStrategy": "None",
        "metadataPolicy": "None",
    }
    return reference if field is None else {**reference, "property": field}
