"""Pods that run: kubelet and containerd beside the embedded control plane, names, Services, volumes and policies.

Only where STOREFLEET_NODE=real says so: it needs root, Debian's packages and programs that are built.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from local.node.settings import DNS_ADDRESS, NAME
from local.toolchain import build
from local.toolchain.catalog import KUBECTL
from tests.node.real import ask, pod, ready, service, until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def probe(world):
    """The address of a pod that asks for what a test wants to know."""
    world.api.apply(pod("probe", world.images["probe"], account=True))
    return ready(world.api, "probe")["podIP"]


@pytest.fixture(scope="module")
def answer(world):
    world.api.apply(pod("answer", world.images["answer"]))
    world.api.apply(service("answer"))
    return ready(world.api, "answer")["podIP"]


def kubectl(world, *arguments):
    command = [str(build.locate(KUBECTL).path), f"--kubeconfig={world.state.kubeconfig}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_pod_runs_as_nobody_and_answers_when_it_is_ready(world, answer):
    said = ask(answer, "/web/health")
    assert said["pod"] == "answer"
    assert said["user"] == 65532, "it runs as somebody"
    assert "no Odoo" in said["stand-in"], "it does not say what it is"
    status = world.api.get("/api/v1/namespaces/default/pods/answer")["status"]
    assert status["hostIP"] == world.node.place.address
    assert world.images["answer"] in status["containerStatuses"][0]["imageID"]


def test_a_pod_reaches_a_service_by_its_name_and_by_its_address(world, probe, answer):
    for host in ("answer", "answer.default.svc.cluster.local", _address(world, "answer")):
        said = until(
            f"an answer from {host}",
            lambda host=host: _good(ask(probe, "/fetch", url=f"http://{host}/web/health")),
        )
        assert json.loads(said["body"])["pod"] == "answer"


def test_a_pod_reaches_the_api_server_as_its_own_account_and_may_nothing_there(probe):
    said = ask(probe, "/fetch", url="https://kubernetes.default/version")
    assert said.get("status") == 200, said
    said = ask(probe, "/fetch", url="https://kubernetes.default/api/v1/namespaces/kube-system/secrets")
    assert said.get("status") == 403, said
    assert "system:serviceaccount:default:default" in said["body"]


def test_a_pod_finds_no_way_out_of_the_node(probe):
    assert "error" in ask(probe, "/fetch", url="http://192.0.2.1/")


def test_the_dns_of_the_cluster_is_where_policies_expect_it(world):
    kube_dns = world.api.get("/api/v1/namespaces/kube-system/services/kube-dns")
    assert kube_dns["spec"]["clusterIP"] == DNS_ADDRESS
    (found,) = world.api.items("/api/v1/namespaces/kube-system/pods", labelSelector="k8s-app=kube-dns")
    assert found["spec"]["nodeName"] == NAME


def test_logs_are_read_and_commands_are_run_through_the_api_server(world, answer):
    del answer
    said = kubectl(world, "get", "--raw", f"/api/v1/nodes/{NAME}/proxy/pods")
    assert "answer" in {each["metadata"]["name"] for each in json.loads(said)["items"]}
    coredns = kubectl(world, "logs", "-n", "kube-system", "-l", "k8s-app=kube-dns")
    assert "CoreDNS-1.15.0" in coredns


def test_a_volume_keeps_what_a_pod_wrote_and_is_a_folder_of_the_state(world):
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "node",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    world.api.apply(claim)
    for name, data in (("writer", b"an order"), ("reader", None)):
        world.api.apply(pod(name, world.images["probe"], claim="data"))
        said = ask(ready(world.api, name)["podIP"], "/file", data, path="/data/orders")
        assert said == {"body": "an order", "user": 65532}
        world.api.delete(f"/api/v1/namespaces/default/pods/{name}")
        until(f"the end of {name}", lambda name=name: _pod(world.api, name) is None)
    (folder,) = world.node.place.volumes.iterdir()
    assert (folder / "orders").read_text() == "an order"
    world.api.delete("/api/v1/namespaces/default/persistentvolumeclaims/data")
    until("the removal of the volume", lambda: not folder.exists())


def test_a_policy_denies_what_it_does_not_allow_and_allows_what_it_does(world, probe, answer):
    address = f"http://{answer}:8069/web/health"
    assert _good(ask(probe, "/fetch", url=address)), "without a policy it is open"
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "answer", "namespace": "default"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "answer"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "friend"}}}]}],
        },
    }
    world.api.apply(policy)
    try:
        until("a denial", lambda: "error" in ask(probe, "/fetch", url=address))
        world.api.apply(pod("friend", world.images["probe"], labels={"app": "friend"}))
        friend = ready(world.api, "friend")["podIP"]
        until("an answer for who is allowed", lambda: _good(ask(friend, "/fetch", url=address)))
        assert "error" in ask(probe, "/fetch", url=address), "it is open to everybody again"
        ready(world.api, "answer")  # the kubelet's probes are not judged
    finally:
        world.api.delete("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/answer")
    until("an answer without the policy", lambda: _good(ask(probe, "/fetch", url=address)))


def test_the_kubelet_and_the_pods_come_back_by_themselves(world, probe, answer):
    del probe, answer
    running = world.node.processes()
    containers = _restarts(world.api, "answer")
    for name in ("kubelet", "kube-proxy", "containerd"):
        running[name].kill()
    until(
        "other processes in their place",
        lambda: all(
            name in (now := world.node.processes()) and now[name].pid != running[name].pid
            for name in ("kubelet", "kube-proxy", "containerd")
        ),
    )
    world.api.apply(pod("after", world.images["answer"]))
    assert ask(ready(world.api, "after")["podIP"], "/web/health")["pod"] == "after", (
        "it starts nothing any more"
    )
    assert _restarts(world.api, "answer") == containers, "the pod did not run on while its kubelet was away"
    world.api.delete("/api/v1/namespaces/default/pods/after")


def _address(world, name):
    return world.api.get(f"/api/v1/namespaces/default/services/{name}")["spec"]["clusterIP"]


def _good(said):
    return said if said.get("status") == 200 else None


def _pod(api, name):
    return api.get(f"/api/v1/namespaces/default/pods/{name}")


def _restarts(api, name):
    return [each["containerID"] for each in _pod(api, name)["status"]["containerStatuses"]]
