"""What operators read from the secret store, and the authority that certificates of tenants come from."""

from collections.abc import Iterator
from typing import Final

from components.database.secrets import external_secret
from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from components.secrets.plan import PLATFORM_PREFIX
from components.secrets.store import secret_store
from spec.aws import AwsSpec
from spec.environment import EnvironmentSpec

ISSUER: Final = "storefleet"
"""Name of the ClusterIssuer of the certificates of tenants' domains."""
MONITORING: Final = "monitoring"
GRAFANA: Final = "grafana-admin"
ALERTMANAGER: Final = "alertmanager-config"
"""Secrets that the values of kube-prometheus-stack name."""

_DIRECTORY: Final = "https://acme-v02.api.letsencrypt.org/directory"
_ACCOUNT_KEY: Final = "acme-account"


def platform_secrets(environment: EnvironmentSpec, aws: AwsSpec) -> Iterator[KubeObject]:
    """Yield the way of the monitoring into the secret store, and the two secrets that it has there."""
    own = environment_labels(environment.name)
    yield secret_store(aws, MONITORING, own, key="monitoring-store", whose="the platform's")
    for key, name, entry, fields in (
        ("grafana", GRAFANA, "grafana", {"user": "admin-user", "password": "admin-password"}),
        (
            "alertmanager",
            ALERTMANAGER,
            "alertmanager",
            {key: key for key in ("alertmanager.yaml", "page-url", "ticket-url")},
        ),
    ):
        yield KubeObject(
            key=f"monitoring-{key}",
            manifest=external_secret(
                environment,
                MONITORING,
                name,
                own,
                keys={wanted: (f"{PLATFORM_PREFIX}{entry}", field) for wanted, field in fields.items()},
            ),
            why=f"The chart of {key} reads this Secret; no value of the chart and no state holds it.",
        )


def certificate_issuer(environment: EnvironmentSpec, aws: AwsSpec) -> KubeObject:
    """Return the authority: it proves names by DNS, and follows an alias into our zones where a shop keeps its own."""
    solver = {"dns01": {"cnameStrategy": "Follow", "route53": {"region": aws.region}}}
    acme = {
        "email": aws.owner,
        "server": _DIRECTORY,
        "privateKeySecretRef": {"name": _ACCOUNT_KEY},
        "solvers": [solver],
    }
    return KubeObject(
        key="issuer",
        manifest=manifest(
            "cert-manager.io/v1",
            "ClusterIssuer",
            ISSUER,
            labels=environment_labels(environment.name),
            spec={"acme": acme},
        ),
        why="Certificates of tenants' domains; the balancer opens no port on which a name could be proved otherwise.",
    )
