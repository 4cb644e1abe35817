"""What must not exist is refused by the live API server, and by the mechanism that is meant to refuse it.

Every bad object has a good twin that differs in nothing else and is accepted. All requests are dry runs: the
server takes them through all of admission and stores nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spec.naming import cell_namespace, tenant_namespace
from spec.vocabulary import Tier
from tests.isolation.client import ADMIN
from tests.isolation.objects import (
    IMAGE,
    TAG,
    changed,
    claim,
    container,
    cron_job,
    deployment,
    ingress,
    network_policy,
    pod,
    route,
    service,
)

if TYPE_CHECKING:
    from spec.fleet import Fleet
    from spec.tenant import TenantSpec
    from tests.isolation.client import Actor, Answer, Client
    from tests.isolation.objects import Object

pytestmark = pytest.mark.integration

PLURALS = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "Service": "/api/v1/namespaces/{}/services",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "IngressRoute": "/apis/traefik.io/v1alpha1/namespaces/{}/ingressroutes",
    "IngressRouteTCP": "/apis/traefik.io/v1alpha1/namespaces/{}/ingressroutetcps",
}

POD_SECURITY = 'violates PodSecurity "restricted:v1.37"'
LIMIT_RANGE = "maximum memory usage per Container is 3Gi"
QUOTA = "exceeded quota: tenant"
REFUSED = (403, 422)


def policy(name: str) -> str:
    return f"ValidatingAdmissionPolicy 'storefleet-{name}'"


def create(client: Client, namespace: str, thing: Object, actor: Actor = ADMIN) -> Answer:
    return client.call("POST", PLURALS[thing["kind"]].format(namespace), thing, actor=actor, dryRun="All")


def check(answer: Answer, twin: Answer, mechanism: str) -> None:
    assert answer.status in REFUSED, f"accepted what {mechanism} should have refused"
    assert mechanism in answer.message, f"refused by something else: {answer.message}"
    assert twin.status in (200, 201), f"the good twin is refused too: {twin.message}"


@pytest.fixture(scope="module")
def tenant(shared: tuple[TenantSpec, TenantSpec]) -> TenantSpec:
    return shared[0]


@pytest.fixture(scope="module")
def home(tenant: TenantSpec) -> str:
    return tenant_namespace(tenant.id)


def capabilities(*names: str) -> Object:
    return changed(container(), "securityContext", "capabilities", "add", to=list(names))


HOST_ACCESS = {
    "the network of the node": pod(hostNetwork=True),
    "the processes of the node": pod(hostPID=True),
    "the memory of the node": pod(hostIPC=True),
    "the files of the node": pod(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
    "a port of the node": pod(container(ports=[{"containerPort": 8069, "hostPort": 8069}])),
    "escalation to root": pod(changed(container(), "securityContext", "allowPrivilegeEscalation", to=True)),
    "an added capability": pod(capabilities("NET_ADMIN")),
    "all capabilities kept": pod(changed(container(), "securityContext", "capabilities", to={})),
    "the user root": pod(changed(container(), "securityContext", "runAsUser", to=0)),
    "no seccomp profile": pod(
        changed(container(), "securityContext", "seccompProfile", to={"type": "Unconfined"})
    ),
    "an unmasked /proc": pod(
        changed(container(), "securityContext", "procMount", to="Unmasked"), hostUsers=False
    ),
}


@pytest.mark.parametrize("bad", HOST_ACCESS.values(), ids=HOST_ACCESS)
def test_a_pod_with_a_way_to_the_node_is_refused(client: Client, home: str, bad: Object):
    check(create(client, home, bad), create(client, home, pod()), POD_SECURITY)


def test_a_privileged_container_is_refused_by_the_server_itself(client: Client, home: str):
    rights = {"privileged": True, "allowPrivilegeEscalation": True}
    bad = pod(container(securityContext=rights))
    check(create(client, home, bad), create(client, home, pod()), "disallowed by cluster policy")


IMAGES = {
    "a pod": (pod(container(image=TAG)), pod()),
    "no tag at all": (pod(container(image="odoo")), pod()),
    "a short digest": (pod(container(image="odoo@sha256:0123")), pod()),
    "an init container": (
        pod(initContainers=[container("migrate", image=TAG)]),
        pod(initContainers=[container("migrate")]),
    ),
    "the second container": (
        pod(container(), container("side", image=TAG)),
        pod(container(), container("side")),
    ),
    "a volume": (
        pod(volumes=[{"name": "addons", "image": {"reference": TAG}}]),
        pod(volumes=[{"name": "addons", "image": {"reference": IMAGE}}]),
    ),
    "a deployment": (deployment(container(image=TAG)), deployment()),
    "a cron job": (cron_job(container(image=TAG)), cron_job()),
}


@pytest.mark.parametrize(("bad", "good"), IMAGES.values(), ids=IMAGES)
def test_an_image_by_tag_is_refused(client: Client, home: str, bad: Object, good: Object):
    check(create(client, home, bad), create(client, home, good), policy("image-digest"))


def test_an_image_by_tag_is_refused_in_a_cell_as_well(client: Client, tenant: TenantSpec):
    cell = cell_namespace(tenant.cell)
    check(
        create(client, cell, pod(container(image=TAG))), create(client, cell, pod()), policy("image-digest")
    )


def test_a_container_without_limits_does_not_exist(client: Client, home: str):
    answer = create(client, home, pod(container(resources={})))
    assert answer.status == 201, answer.message
    assert set(answer.body["spec"]["containers"][0]["resources"]["limits"]) == {"cpu", "memory"}, (
        "a container without limits can take a node's whole memory"
    )


def test_a_container_beyond_the_largest_of_the_tier_is_refused(client: Client, home: str):
    def of(memory: str) -> Object:
        return pod(changed(container(), "resources", "limits", "memory", to=memory))

    check(create(client, home, of("3073Mi")), create(client, home, of("3Gi")), LIMIT_RANGE)


def sized(*cpus: str) -> Object:
    return pod(
        *(
            container(f"c{index}", resources={"limits": {"cpu": cpu, "memory": "256Mi"}})
            for index, cpu in enumerate(cpus)
        )
    )


def test_the_quota_and_one_thousandth_of_a_cpu_is_refused(client: Client, home: str):
    check(create(client, home, sized("2", "1001m", "1")), create(client, home, sized("2", "1", "1")), QUOTA)


def test_the_quota_and_one_byte_of_storage_is_refused(client: Client, tenant: TenantSpec, home: str):
    most = 30 * 1024**3
    name = tenant.preset.storage_class
    check(
        create(client, home, claim(name, str(most + 1))), create(client, home, claim(name, str(most))), QUOTA
    )


def test_a_host_that_is_not_the_tenants_is_refused(
    client: Client, home: str, shared: tuple[TenantSpec, TenantSpec]
):
    own, other = shared[0].domains[0], shared[1].domains[0]
    good = ingress(own, tls=(own,))
    bad = {
        "another tenant's domain": ingress(other),
        "one of two": ingress(own, other),
        "a name below its own": ingress(f"shop.{own}"),
        "its own as a part": ingress(f"{own}.evil.example"),
        "every name": ingress("*." + own.split(".", 1)[1]),
        "no host": ingress(None),
        "a certificate for another's": ingress(own, tls=(own, other)),
        "a default": ingress(own, defaultBackend={"service": {"name": "web", "port": {"number": 80}}}),
    }
    for name, thing in bad.items():
        answer = create(client, home, thing)
        assert answer.status in REFUSED, f"{name} was accepted"
        check(answer, create(client, home, good), policy("ingress-host-owned"))


def test_a_route_whose_host_is_not_the_tenants_is_refused(
    client: Client, home: str, shared: tuple[TenantSpec, TenantSpec]
):
    own, other = shared[0].domains[0], shared[1].domains[0]
    good = [
        f"Host(`{own}`)",
        f"Host(`{own}`) && PathPrefix(`/websocket`)",
        f"(Host(`{own}`) || Host(`{own}`)) && !PathPrefix(`/web/database`)",
        f"Host(`{own}`) || Host(`{own}`)",
        f"Host(`{own}`) && Header(`X-A`, `b`)",
    ]
    bad = [
        f"Host(`{other}`)",
        f"Host(`{own}`) || Host(`{other}`)",
        f"Host(`{own}`) || PathPrefix(`/`)",
        f"Host(`{own}`) && PathPrefix(`/a`) || PathPrefix(`/`)",
        "PathPrefix(`/`)",
        f"!Host(`{own}`)",
        f"HostRegexp(`.*`) || Host(`{own}`)",
        "HostRegexp(`.+`)",
        f'Host("{other}")',
        f"Host(`{own}`, `{other}`)",
        f"(Host(`{own}`) || Method(`GET`)) && PathPrefix(`/`)",
        f"Host(`{own.upper()}`) || ClientIP(`0.0.0.0/0`)",
        f"Host(`{own}`)\n|| PathPrefix(`/`)",
        "",
    ]
    for match in bad:
        answer = create(client, home, route(good[0], match))
        assert answer.status in REFUSED, f"{match!r} was accepted"
        check(answer, create(client, home, route(*good)), policy("ingress-host-owned"))


def test_a_certificate_of_a_route_for_anothers_domain_is_refused(
    client: Client, home: str, shared: tuple[TenantSpec, TenantSpec]
):
    own, other = shared[0].domains[0], shared[1].domains[0]

    def of(domain: str) -> Object:
        return route(f"Host(`{own}`)", tls={"domains": [{"main": own, "sans": [domain]}]})

    check(create(client, home, of(other)), create(client, home, of(own)), policy("ingress-host-owned"))


def test_a_route_without_a_host_to_check_is_refused(client: Client, home: str, tenant: TenantSpec):
    match = "HostSNI(`*`)"
    bad = {**route(match, entryPoints=["websecure"]), "kind": "IngressRouteTCP"}
    bad["spec"]["routes"] = [{"match": match, "services": [{"name": "web", "port": 80}]}]
    good = route(f"Host(`{tenant.domains[0]}`)")
    check(create(client, home, bad), create(client, home, good), policy("ingress-host-owned"))


def test_nothing_in_a_cell_has_a_host(client: Client, tenant: TenantSpec, home: str):
    thing = ingress(tenant.domains[0])
    check(
        create(client, cell_namespace(tenant.cell), thing),
        create(client, home, thing),
        policy("ingress-host-owned"),
    )


EXPOSED = {
    "a port of every node": service(type="NodePort"),
    "a load balancer": service(type="LoadBalancer"),
    "an external name": service(type="ExternalName", externalName="www.example.com"),
    "an external address": service(externalIPs=["198.51.100.7"]),
}


@pytest.mark.parametrize("bad", EXPOSED.values(), ids=EXPOSED)
def test_a_service_with_a_way_around_the_ingress_controller_is_refused(
    client: Client, home: str, bad: Object
):
    check(create(client, home, bad), create(client, home, service()), policy("service-exposure"))


def test_the_classes_of_another_tier_are_refused(client: Client, fleet: Fleet):
    by_tier = {one.tier: one for one in fleet.tenants}
    tried = 0
    for tier, tenant in by_tier.items():
        home, own = tenant_namespace(tenant.id), tenant.preset
        for other in set(by_tier) - {tier}:
            foreign = by_tier[other].preset
            check(
                create(client, home, pod(priorityClassName=foreign.priority_class.name)),
                create(client, home, pod(priorityClassName=own.priority_class.name)),
                policy("dedicated-compute"),
            )
            tried += 1
            if foreign.storage_class != own.storage_class:
                check(
                    create(client, home, claim(foreign.storage_class)),
                    create(client, home, claim(own.storage_class)),
                    policy("dedicated-compute"),
                )
                tried += 1
        check(create(client, home, claim(None)), create(client, home, claim(own.storage_class)), "dedicated")
    assert tried >= 4, "the fleet has too few tiers to compare"


def test_the_systems_own_priority_is_refused(client: Client, home: str):
    bad = pod(priorityClassName="system-cluster-critical")
    check(create(client, home, bad), create(client, home, pod()), policy("dedicated-compute"))


PLACED = {
    "on the dedicated nodes": {"tolerations": [{"key": "storefleet.dev/pool", "operator": "Exists"}]},
    "on all nodes": {"tolerations": [{"operator": "Exists"}]},
    "on a node by its name": {"nodeName": "local-a-dedicated"},
}


@pytest.mark.parametrize("where", PLACED.values(), ids=PLACED)
def test_a_place_on_anothers_nodes_is_refused(client: Client, home: str, where: Object):
    good = pod(tolerations=[{"key": "example.com/arch", "operator": "Exists"}])
    check(create(client, home, pod(**where)), create(client, home, good), policy("dedicated-compute"))


def test_a_dedicated_tenant_may_tolerate_the_taint_of_its_pool(client: Client, fleet: Fleet):
    tenant = next(one for one in fleet.tenants if one.tier is Tier.DEDICATED)
    answer = create(client, tenant_namespace(tenant.id), pod(**PLACED["on the dedicated nodes"]))
    assert answer.status == 201, answer.message


OPENINGS = {
    "from everywhere": network_policy(ingress=[{}]),
    "to everywhere": network_policy(policyTypes=["Egress"], egress=[{}]),
}


@pytest.mark.parametrize("bad", OPENINGS.values(), ids=OPENINGS)
def test_a_network_policy_that_is_not_the_platforms_is_refused(
    client: Client, home: str, operator: Actor, bad: Object
):
    check(
        create(client, home, bad, operator),
        create(client, home, bad),
        policy("tenant-isolation-walls"),
    )
