"""Helpers of the tests of the real node: pods, and what this machine shows of a node."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path

import psutil
import pytest

from local.node.settings import HERE, TUNABLES

SECONDS = 300
PORT = 8069


def pod(name, image, *, namespace="default", labels=None, account=False, claim=None):
    """Return a pod of the real node that answers HTTP, held to the strictest standard."""
    mounts = [{"name": "data", "mountPath": "/data"}] if claim else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}},
        "spec": {
            "automountServiceAccountToken": account,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            **HERE,
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
                    "readinessProbe": {"httpGet": {"path": "/web/health", "port": PORT}, "periodSeconds": 1},
                    "volumeMounts": mounts,
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else [],
        },
    }


def service(name):
    """Return a Service of the pods whose label `app` is its name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": PORT}]},
    }


def until(what, found, seconds=SECONDS):
    """Return the first true answer of `found`, or fail saying that there was none of `what`."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = found()
        except OSError as error:
            last = None
            what = f"{what.split(' (')[0]} ({error})"
        if last:
            return last
        time.sleep(0.2)
    return pytest.fail(f"no sign of {what} within {seconds} s")


def ready(api, name, namespace="default"):
    """Wait until a pod is ready, and return its status; its events are the message of a failure."""
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    deadline = time.monotonic() + SECONDS
    status = {}
    while time.monotonic() < deadline:
        status = (api.get(path) or {}).get("status", {})
        if any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", [])):
            return status
        time.sleep(0.2)
    events = [each.get("message") for each in api.items(f"/api/v1/namespaces/{namespace}/events")]
    return pytest.fail(f"the pod is not ready: {json.dumps(status)}\n{events}")


def ask(address, page, data=None, **query):
    """Return what a pod answers, from this machine."""
    url = f"http://{address}:{PORT}{page}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(url, data=data, method="PUT" if data else "GET")
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def traces(place):
    """Return whatever this machine would show of a node."""
    root = str(place.root)
    processes = [
        each.info["cmdline"]
        for each in psutil.process_iter(["cmdline"])
        if any(root in word for word in each.info["cmdline"] or [])
    ]
    folders = [
        *Path("/sys/fs/cgroup").glob(f"*{place.cgroup}"),
        *(each for each in (place.root, Path("/sys/class/net", place.link)) if each.exists()),
        *(name for name in place.bound if Path(name).exists()),
    ]
    mounts = Path("/proc/mounts").read_text().splitlines()
    settings = [Path("/proc/sys", name).read_text() for name in TUNABLES]
    return [
        *processes,
        *map(str, folders),
        *(line for line in mounts if place.id in line or root in line),
        *settings,
        *(line for line in Path("/proc/net/route").read_text().splitlines() if place.link in line),
    ]
