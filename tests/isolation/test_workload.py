"""The workload of a tenant against the live API server, sent as delivery would send it.

By somebody who may do everything by RBAC and is not the platform. All requests are dry runs with strict validation: a
field that no kind has is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from components.workload.plan import Step, plan_workload
from spec.naming import tenant_namespace
from tests.components import aws_samples
from tests.isolation.objects import RELEASED
from tests.workload import rendering, samples

if TYPE_CHECKING:
    from pathlib import Path

    from spec.environment import EnvironmentSpec
    from spec.fleet import Fleet
    from spec.tenant import TenantSpec
    from tests.isolation.client import Actor, Answer, Client
    from tests.isolation.objects import Object

pytestmark = pytest.mark.integration

PATHS = {
    "Certificate": "/apis/cert-manager.io/v1/namespaces/{}/certificates",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ExternalSecret": "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets",
    "IngressRoute": "/apis/traefik.io/v1alpha1/namespaces/{}/ingressroutes",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "Middleware": "/apis/traefik.io/v1alpha1/namespaces/{}/middlewares",
    "Order": "/apis/acme.cert-manager.io/v1/namespaces/{}/orders",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Pod": "/api/v1/namespaces/{}/pods",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "ScaledObject": "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects",
    "SecretStore": "/apis/external-secrets.io/v1/namespaces/{}/secretstores",
    "Service": "/api/v1/namespaces/{}/services",
    "ServersTransport": "/apis/traefik.io/v1alpha1/namespaces/{}/serverstransports",
    "TLSOption": "/apis/traefik.io/v1alpha1/namespaces/{}/tlsoptions",
}
STEPS = {
    "serve": Step(rehearsal=samples.REHEARSAL),
    "maintenance": Step(phase="maintenance"),
    "migrate": Step(phase="migrate", migration=samples.MIGRATION),
}


def send(client: Client, actor: Actor, namespace: str, thing: Object) -> Answer:
    path = PATHS[thing["kind"]].format(namespace)
    return client.call("POST", path, thing, actor=actor, dryRun="All", fieldValidation="Strict")


def rendered(tenant: TenantSpec, environment: EnvironmentSpec, step: Step, folder: Path) -> list[Object]:
    known = {"image": RELEASED["odoo"], "tools": RELEASED["tools"]}
    release = samples.release().model_copy(update=known)
    plan = plan_workload(tenant, environment, release, today=samples.TODAY, step=step)
    assert plan is not None
    done = rendering.run(plan.values.document(), folder)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def pods_in(objects: list[Object]) -> list[Object]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{one['metadata']['name']}-dry-run",
                "labels": one["spec"]["template"]["metadata"]["labels"],
            },
            "spec": one["spec"]["template"]["spec"],
        }
        for one in objects
        if one["kind"] in {"Deployment", "Job"}
    ]


def by_tier(fleet: Fleet) -> list[TenantSpec]:
    return list({tenant.tier: tenant for tenant in fleet.tenants}.values())


@pytest.mark.parametrize("step", STEPS)
def test_the_api_server_takes_every_object_and_every_pod_of_a_workload(
    client: Client, operator: Actor, fleet: Fleet, step: str, tmp_path: Path
):
    tenants = by_tier(fleet)
    assert tenants
    for tenant in tenants:
        for environment in (fleet.environment, aws_samples.environment(cache="elasticache")):
            objects = rendered(tenant, environment, STEPS[step], tmp_path)
            for thing in [*objects, *pods_in(objects)]:
                answer = send(client, operator, tenant_namespace(tenant.id), thing)
                title = f"{tenant.id}: {thing['kind']} {thing['metadata']['name']}"
                assert answer.status == 201, f"{title}: {answer.message}"


def test_strict_validation_does_refuse_a_field_that_no_kind_has(
    client: Client, operator: Actor, fleet: Fleet, tmp_path: Path
):
    (tenant, *_) = by_tier(fleet)
    for thing in rendered(tenant, fleet.environment, Step(), tmp_path):
        if thing["kind"] in {"Deployment", "IngressRoute", "Middleware", "Certificate"}:
            thing["spec"]["nonsense"] = True
            answer = send(client, operator, tenant_namespace(tenant.id), thing)
            assert answer.status in (400, 403, 422), (
                f"a misspelt field of {thing['kind']} would do nothing, silently"
            )


def route(host: str, **parts: object) -> Object:
    one = {
        "kind": "Rule",
        "match": f"Host(`{host}`)",
        "services": [{"name": "odoo", "port": "http"}],
        **parts,
    }
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "probe"},
        "spec": {"entryPoints": ["websecure"], "routes": [one], "tls": {"secretName": "odoo-tls"}},
    }


def traefik(kind: str, **spec: object) -> Object:
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": "default"}, "spec": spec}


def certificate(*names: str, **spec: object) -> Object:
    issuer = {"kind": "ClusterIssuer", "name": "storefleet"}
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "probe"},
        "spec": {"secretName": "probe-tls", "dnsNames": list(names), "issuerRef": issuer, **spec},
    }


def order(name: str) -> Object:
    return {
        "apiVersion": "acme.cert-manager.io/v1",
        "kind": "Order",
        "metadata": {"name": "probe"},
        "spec": {"dnsNames": [name], "request": "AA==", "issuerRef": {"name": "storefleet"}},
    }


def test_nobody_claims_a_host_of_another_tenant_by_any_door(
    client: Client, operator: Actor, shared: tuple[TenantSpec, TenantSpec]
):
    own, other = shared[0].domains[0], shared[1].domains[0]
    home, theirs = tenant_namespace(shared[0].id), tenant_namespace(shared[1].id)
    elsewhere = [{"name": "odoo", "namespace": theirs, "port": "http"}]
    edge, certificates = "storefleet-no-cross-tenant-ref-edge", "storefleet-ingress-host-owned-certificates"
    bad = {
        "a route for its host": (route(other), "storefleet-ingress-host-owned"),
        "its Service": (route(own, services=elsewhere), edge),
        "its middleware": (route(own, middlewares=[{"name": "rate", "namespace": theirs}]), edge),
        "Traefik's own interface": (
            route(own, services=[{"name": "api@internal", "kind": "TraefikService"}]),
            edge,
        ),
        "a middleware by its full name": (
            route(own, middlewares=[{"name": f"{theirs}_rate@kubernetescrd"}]),
            edge,
        ),
        "everybody's TLS options": (traefik("TLSOption", minVersion="VersionTLS10"), edge),
        "a transport that trusts anybody": (traefik("ServersTransport", insecureSkipVerify=True), edge),
        "a middleware that sends requests elsewhere": (
            traefik("Middleware", forwardAuth={"address": "https://evil.example"}),
            edge,
        ),
        "a certificate for its host": (certificate(own, other), certificates),
        "a certificate with its host as the common name": (certificate(own, commonName=other), certificates),
        "an authority of its own": (certificate(own, isCA=True), certificates),
        "an order past the Certificate": (order(other), certificates),
    }
    for name, (thing, mechanism) in bad.items():
        answer = send(client, operator, home, thing)
        assert answer.status in (403, 422), f"accepted: {name}"
        assert mechanism in answer.message, f"{name} is refused by something else: {answer.message}"
        assert "Fix:" in answer.message
    for thing in (route(own), certificate(own), traefik("Middleware", headers={"stsSeconds": 1})):
        answer = send(client, operator, home, thing)
        assert answer.status == 201, f"the good twin is refused too: {answer.message}"


def secret(key: str, kind: str = "SecretStore") -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "probe"},
        "spec": {
            "secretStoreRef": {"kind": kind, "name": "storefleet"},
            "dataFrom": [{"extract": {"key": key}}],
        },
    }


def test_nobody_reads_a_secret_of_another_tenant(
    client: Client, operator: Actor, shared: tuple[TenantSpec, TenantSpec]
):
    own, other = (f"storefleet/tenants/{tenant.id}/odoo" for tenant in shared)
    home, mechanism = tenant_namespace(shared[0].id), "storefleet-secret-source"
    named = secret(own)
    named["spec"]["data"] = [{"secretKey": "x", "remoteRef": {"key": other}}]
    bad = {
        "another tenant's": secret(other),
        "one of two": named,
        "the cell's": secret(f"storefleet/cells/{shared[0].cell}/roles/{shared[1].id}"),
        "its own as a beginning": secret(f"storefleet/tenants/{shared[0].id}-x/odoo"),
        "a way up": secret(f"storefleet/tenants/{shared[0].id}/../{shared[1].id}/odoo"),
        "a store of the whole cluster": secret(own, "ClusterSecretStore"),
        "a door of its own": {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "probe"},
            "spec": {"provider": {"aws": {"service": "SecretsManager", "region": "eu-central-1"}}},
        },
    }
    for name, thing in bad.items():
        answer = send(client, operator, home, thing)
        assert answer.status in (403, 422), f"accepted: {name}"
        assert mechanism in answer.message, f"{name} is refused by something else: {answer.message}"
    assert send(client, operator, home, secret(own)).status == 201
