"""CloudNativePG's Barman plugin on the node: a cell's base backups and log go to the store of objects."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.cells.plan import plan_cell
from components.database.backups import CREDENTIALS
from local.node import images
from local.node.fit import fitted
from local.node.images import table
from local.node.settings import HERE
from local.toolchain import files, golang, published
from local.toolchain.pins import Files
from spec.naming import DATABASE_CLUSTER
from tests.node.workloads.platform import CELL, ENVIRONMENT, IN_PLACE, eventually, secret

if TYPE_CHECKING:
    from components.manifests import Manifest
    from local.progress import Progress
    from tests.node.workloads.objects import Objects
    from tests.node.workloads.platform import Platform

_PLUGIN = next(each for each in published.CRDS if each.name == "plugin-barman-cloud")
RELEASE = Files(
    name="plugin-barman-cloud-release",
    module=_PLUGIN.module,
    version=_PLUGIN.version,
    sum=_PLUGIN.sum,
    patterns=("manifest.yaml",),
)
"""The plugin's own manifests, from the module that it is built from."""
NAMESPACE, NAME = "cnpg-system", "barman-cloud"
SIDECAR = "plugin-barman-cloud"
"""Name of the container that the plugin puts beside each instance."""
ARCHIVE_SECONDS = 60
"""As in a dedicated cell: a shared one waits five minutes, and the test would."""
_MADE_HERE = frozenset({"CustomResourceDefinition", "Certificate", "Issuer"})
"""Kinds that the environment has already, or that cert-manager would make Secrets of."""


def load(shop: Platform, world: Any, progress: Progress) -> None:
    """Build the plugin's two images where they are not there yet, and give them to the node."""
    for image in (table.BARMAN, table.BARMAN_SIDECAR):
        with progress.step(f"image {image.name}"):
            made = images.build(image, progress)
        world.node.load(made)
        shop.references[image.name] = made.reference


def plugin(shop: Platform) -> None:
    """Put the plugin beside the operator, by its own manifests and with certificates of the test's own."""
    files.fetch(golang.find(), RELEASE)
    for name in (f"{NAME}-server-tls", f"{NAME}-client-tls"):
        certificate, key = _certificate(name.removesuffix("-tls"), [NAME, f"{NAME}.{NAMESPACE}.svc"])
        held = {"tls.crt": certificate, "tls.key": key, "ca.crt": certificate}
        shop.api.apply(secret(name, NAMESPACE, held, "kubernetes.io/tls"))
    for document in files.documents(RELEASE):
        if document["kind"] in _MADE_HERE:
            continue
        if document["kind"] == "Secret":
            document = secret(  # noqa: PLW2901 - the image of the sidecar that is here
                document["metadata"]["name"],
                NAMESPACE,
                {"SIDECAR_IMAGE": shop.references[table.BARMAN_SIDECAR.name]},
            )
        if document["kind"] == "Deployment":
            pod = document["spec"]["template"]["spec"]
            pod.update(HERE)
            container = pod["containers"][0]
            container["image"] = shop.references[table.BARMAN.name]
            container["imagePullPolicy"] = "Never"
            container["resources"] = {"limits": {"memory": "256Mi"}, "requests": {"cpu": "20m"}}
        shop.api.apply(document)
    shop.ready("apps/v1", "deployments", NAMESPACE, NAME)


def archive(shop: Platform, store: Objects) -> None:
    """Let the cell archive as its plan says, and wait until each instance has the plugin beside it."""
    own = store.user("cell", reads=f"{shop.cell}/*", writes=(f"{shop.cell}/*",))
    shop.api.apply(secret(CREDENTIALS, shop.cell, own))
    for each in plan_cell(CELL, ENVIRONMENT.cells[CELL], ENVIRONMENT).objects:
        if each.kind in {"Cluster", "ObjectStore"}:
            apply(shop, each.manifest)

    def beside() -> bool:
        pods = [
            pod
            for pod in shop.pods(shop.cell)
            if pod["metadata"]["labels"].get("cnpg.io/cluster") == DATABASE_CLUSTER
            and pod["metadata"]["labels"].get("cnpg.io/podRole") == "instance"
        ]
        return len(pods) == 2 and all(map(_has_sidecar, pods))

    eventually("instances with the plugin beside them", beside)
    shop.healthy(2)


def apply(shop: Platform, manifest: Manifest, instances: int = 2) -> None:
    """Apply something of a cell that archives, as it fits the node."""
    here = {name: shop.references[image.name] for name, image in IN_PLACE.items()}
    made = fitted(manifest, here, instances=instances, archiving=True)
    if made is None:
        return
    if made["kind"] == "Cluster":
        made["spec"]["postgresql"]["parameters"]["archive_timeout"] = f"{ARCHIVE_SECONDS}s"
    shop.api.apply(made)


def base_backup(shop: Platform, name: str) -> dict[str, Any]:
    """Take a base backup and return the operator's record of it."""
    path = f"/apis/postgresql.cnpg.io/v1/namespaces/{shop.cell}/backups"
    scheduled = next(
        each.manifest
        for each in plan_cell(CELL, ENVIRONMENT.cells[CELL], ENVIRONMENT).objects
        if each.kind == "ScheduledBackup"
    )
    wanted = ("cluster", "method", "pluginConfiguration", "target")
    shop.api.apply(
        {
            "apiVersion": "postgresql.cnpg.io/v1",
            "kind": "Backup",
            "metadata": {"name": name, "namespace": shop.cell},
            "spec": {key: scheduled["spec"][key] for key in wanted},
        }
    )

    def ended() -> dict[str, Any] | None:
        found = shop.api.get(f"{path}/{name}") or {}
        phase = found.get("status", {}).get("phase")
        assert phase != "failed", f"{found['status'].get('error')}\n{shop.told(shop.cell)}"
        return found if phase == "completed" else None

    return eventually(f"the end of base backup {name}", ended)


def _has_sidecar(pod: dict[str, Any]) -> bool:
    spec = pod["spec"]
    return any(each["name"] == SIDECAR for each in (*spec["containers"], *spec.get("initContainers", [])))


def _certificate(name: str, hosts: list[str]) -> tuple[str, str]:
    """Return a certificate that vouches for itself, which operator and plugin show each other, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
