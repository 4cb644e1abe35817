"""A pod that runs: kubelet and containerd beside the embedded control plane, and nothing of them left behind.

Only where STOREFLEET_NODE=real says so: it needs root, Debian's packages and a kubelet, which is built.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from local.controlplane import control
from local.node import images
from local.node.run import node
from local.node.settings import LABEL, NAME
from local.progress import Progress
from local.state import State

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.environ.get("STOREFLEET_NODE") != "real", reason="STOREFLEET_NODE is not real"),
]
SECONDS = 300


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state")
    made.root.mkdir()
    yield made
    control.stop(made)


def pod(name, image):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "nodeSelector": {LABEL: NAME},
            "tolerations": [{"key": LABEL, "operator": "Equal", "value": NAME, "effect": "NoSchedule"}],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "web",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "resources": {"limits": {"cpu": "200m", "memory": "64Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/web/health", "port": 8069}, "periodSeconds": 1},
                }
            ],
        },
    }


def traces(place):
    """Return whatever this machine would show of a node."""
    mounts = Path("/proc/mounts").read_text()
    processes = [
        each.info["cmdline"]
        for each in psutil.process_iter(["cmdline"])
        if any(str(place.root) in word or str(place.socket) in word for word in each.info["cmdline"] or [])
    ]
    folders = [
        *Path("/sys/fs/cgroup").glob(f"**{place.cgroup}"),
        *Path("/sys/fs/cgroup").glob(f"*{place.cgroup}"),
        *(
            each
            for each in (place.root, place.socket.parent, Path("/sys/class/net", place.bridge))
            if each.exists()
        ),
        *(name for name in place.bound if Path(name).exists()),
    ]
    return [*processes, *map(str, folders), *[line for line in mounts.splitlines() if place.id in line]]


def test_a_pod_runs_as_nobody_answers_when_it_is_ready_and_the_node_leaves_no_trace(state, capsys):
    with capsys.disabled():
        progress = Progress(Console(force_terminal=False))
        api = control.start(state, progress)
        real = node(state)
        before = traces(real.place)
        began = time.monotonic()
        try:
            built = real.start(progress, [images.ANSWER])
            print(f"node ready after {time.monotonic() - began:.1f} s")  # noqa: T201
            api.apply(pod("answer", built["answer"]))
            path = "/api/v1/namespaces/default/pods/answer"
            status = wait_for_ready(api, path)
            print(f"pod ready after {time.monotonic() - began:.1f} s at {status['podIP']}")  # noqa: T201
            with urllib.request.urlopen(f"http://{status['podIP']}:8069/web/health", timeout=10) as answer:
                said = json.load(answer)
            assert said["pod"] == "answer"
            assert said["user"] == 65532, "it runs as somebody"
            assert "no Odoo" in said["stand-in"], "it does not say what it is"
            assert status["hostIP"] == real.place.gateway
            assert built["answer"] in status["containerStatuses"][0]["imageID"]
            assert traces(real.place) != before
        finally:
            real.stop()
        assert api.get(f"/api/v1/nodes/{NAME}") is None
        assert traces(real.place) == before, "the node left something behind"


def wait_for_ready(api, path):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        status = (api.get(path) or {}).get("status", {})
        if any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", [])):
            return status
        time.sleep(0.2)
    events = [each.get("message") for each in api.items("/api/v1/namespaces/default/events")]
    pytest.fail(f"the pod is not ready: {json.dumps(status)}\n{events}")
