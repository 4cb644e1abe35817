"""What nobody released or verified does not start beside a shop's data: on the live API server.

The list of known images is what `up` wrote of the examples' release. Bad objects are dry runs; what an ephemeral
container is added to, and the list that gains an image, are real and put back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policy.admission.known import LIST_KEY, LIST_NAME, LIST_NAMESPACE
from spec.naming import cell_namespace, tenant_namespace
from tests.isolation.client import ADMIN, eventually
from tests.isolation.objects import IMAGE, RELEASED, TAG, changed, container, cron_job, deployment, pod
from tests.isolation.test_bad_objects import REFUSED, check, create, policy

if TYPE_CHECKING:
    from collections.abc import Generator

    from spec.fleet import Fleet
    from spec.tenant import TenantSpec
    from tests.isolation.client import Actor, Answer, Client
    from tests.isolation.objects import Object

pytestmark = pytest.mark.integration

UNKNOWN = policy("image-signed-known")
LIST = policy("image-signed-list")
NAME, DIGEST = IMAGE.split("@")
OTHER = f"@sha256:{'0123456789abcdef' * 4}"
STRANGER = f"{NAME}{OTHER}"
"""The repository of a release, and a digest that nobody knows."""
ELSEWHERE = f"docker.io/somebody/odoo@{DIGEST}"
"""The digest of a release, from somewhere else."""
CONFIG_MAPS = f"/api/v1/namespaces/{LIST_NAMESPACE}/configmaps"


def stateful_set(*containers: Object) -> Object:
    made = changed(deployment(*containers), "kind", to="StatefulSet")
    return changed(made, "spec", "serviceName", to="probe")


def daemon_set(*containers: Object) -> Object:
    return changed(deployment(*containers), "kind", to="DaemonSet")


def replica_set(*containers: Object) -> Object:
    return changed(deployment(*containers), "kind", to="ReplicaSet")


def job(*containers: Object) -> Object:
    made = cron_job(*containers)
    return {**made, "kind": "Job", "spec": made["spec"]["jobTemplate"]["spec"]}


def with_init(first: Object) -> Object:
    return pod(initContainers=[changed(first, "name", to="first")])


def with_volume(one: Object) -> Object:
    return pod(volumes=[{"name": "addons", "image": {"reference": one["image"]}}])


MADE = {
    "a pod": pod,
    "a deployment": deployment,
    "a stateful set": stateful_set,
    "a daemon set": daemon_set,
    "a replica set": replica_set,
    "a job": job,
    "a cron job": cron_job,
    "an init container": with_init,
    "a volume": with_volume,
}
PATHS = {
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
}


def send(client: Client, namespace: str, thing: Object, actor: Actor = ADMIN) -> Answer:
    path = PATHS.get(thing["kind"])
    if path is None:
        return create(client, namespace, thing, actor)
    return client.call("POST", path.format(namespace), thing, actor=actor, dryRun="All")


@pytest.fixture(scope="module")
def home(shared: tuple[TenantSpec, TenantSpec]) -> str:
    return tenant_namespace(shared[0].id)


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_known_image_passes_and_an_unknown_digest_or_a_known_one_from_elsewhere_is_refused(
    client: Client, operator: Actor, home: str, made
):
    good = send(client, home, made(container(image=IMAGE)), operator)
    for image in (STRANGER, ELSEWHERE):
        answer = send(client, home, made(container(image=image)), operator)
        check(answer, good, UNKNOWN)
        assert f"not an image that this environment knows: {image}" in answer.message
        assert f"Allowed: {IMAGE}," in answer.message, "who meets it does not learn what would be right"
        assert "Fix:" in answer.message


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_an_image_by_tag_is_refused_wherever_it_stands_even_one_that_the_platform_sends(
    client: Client, home: str, made
):
    good = send(client, home, made(container(image=f"{NAME}:19@{DIGEST}")))
    for image in (TAG, NAME, f"{NAME}:19"):
        check(send(client, home, made(container(image=image))), good, policy("image-digest"))


FORGED = {
    "a second digest": f"{NAME}{OTHER}@{DIGEST}",
    "a name that goes on": f"{NAME}-evil@{DIGEST}",
    "a name that begins before": f"evil.example/{NAME}@{DIGEST}",
    "a port of the registry": f"{NAME.replace('/', ':443/', 1)}@{DIGEST}",
    "a path in the tag": f"{NAME}:19/evil@{DIGEST}",
    "two lines": f"evil.example/odoo\n{NAME}@{DIGEST}",
    "the digest of another known image": f"{NAME}@{RELEASED['tools'].split('@')[1]}",
}


@pytest.mark.parametrize("image", FORGED.values(), ids=FORGED)
def test_an_image_that_only_resembles_a_known_one_is_refused(client: Client, home: str, image: str):
    answer = send(client, home, deployment(container(image=image)))
    check(answer, send(client, home, deployment()), UNKNOWN)


def test_every_unknown_image_of_a_pod_is_named_once_the_known_ones_are_not(client: Client, home: str):
    bad = pod(
        container(), container("side", image=STRANGER), initContainers=[container("first", image=ELSEWHERE)]
    )
    said = send(client, home, bad).message.split("Allowed:")[0]
    assert STRANGER in said
    assert ELSEWHERE in said
    assert IMAGE not in said


def test_an_ephemeral_container_is_no_way_around_it(client: Client, home: str):
    pods = f"/api/v1/namespaces/{home}/pods"
    made = client.call("POST", pods, pod(name="unknown-images"))
    assert made.status == 201, made.message

    def debug(image: str) -> Answer:
        one = {"name": "debug", "image": image, "securityContext": container()["securityContext"]}
        path = f"{pods}/unknown-images/ephemeralcontainers"
        return client.call("PATCH", path, {"spec": {"ephemeralContainers": [one]}}, dryRun="All")

    try:
        check(debug(STRANGER), debug(IMAGE), UNKNOWN)
        check(debug(TAG), debug(IMAGE), policy("image-digest"))
    finally:
        assert client.call("DELETE", f"{pods}/unknown-images", gracePeriodSeconds="0").status == 200


@pytest.fixture
def listed(client: Client) -> Generator[str]:
    """The list as it is; it is put back."""
    found = client.call("GET", f"{CONFIG_MAPS}/{LIST_NAME}")
    assert found.status == 200, found.message
    text = found.body["data"][LIST_KEY]
    yield text
    assert write(client, text).status == 200


def write(client: Client, text: str | None, actor: Actor = ADMIN, **query: str) -> Answer:
    return client.call(
        "PATCH", f"{CONFIG_MAPS}/{LIST_NAME}", {"data": {LIST_KEY: text}}, actor=actor, **query
    )


def test_a_release_more_is_a_change_of_data_and_of_no_policy(client: Client, home: str, listed: str):
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    before = [(one["metadata"]["name"], one["metadata"]["generation"]) for one in client.items(policies)]
    bad = pod(container(image=STRANGER))
    assert send(client, home, bad).status in REFUSED
    assert write(client, f"{listed}{STRANGER}\n").status == 200
    assert eventually(lambda: send(client, home, bad).status == 201), "the new release never starts"
    assert write(client, None).status == 200
    assert eventually(lambda: UNKNOWN in send(client, home, pod()).message), "without a list everything runs"
    assert before == [
        (one["metadata"]["name"], one["metadata"]["generation"]) for one in client.items(policies)
    ]


def test_who_may_write_everything_does_not_write_the_list(client: Client, operator: Actor, listed: str):
    longer = f"{listed}{STRANGER}\n"
    check(write(client, longer, operator, dryRun="All"), write(client, longer, dryRun="All"), LIST)
    path = f"{CONFIG_MAPS}/{LIST_NAME}"
    allowed = client.call("DELETE", path, dryRun="All")
    check(client.call("DELETE", path, actor=operator, dryRun="All"), allowed, LIST)
    at_once = client.call("DELETE", CONFIG_MAPS, actor=operator, dryRun="All")
    assert LIST in at_once.message, "one call deletes all lists of the namespace, and this one with them"
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "something-else"}}
    answer = client.call("POST", CONFIG_MAPS, other, actor=operator, dryRun="All")
    assert answer.status == 201, f"the guard of one list keeps others from being written: {answer.message}"


def test_the_databases_of_a_cell_run_what_their_operator_names(client: Client, fleet: Fleet):
    cell = cell_namespace(min(fleet.environment.cells))
    answer = send(client, cell, pod(container(image=STRANGER)))
    assert answer.status == 201, answer.message
