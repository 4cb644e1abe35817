"""What Prometheus' operator and kube-state-metrics do in a cluster, neither of which can be had here.

A PodMonitor of the plan becomes the entry of `scrape_configs` that the operator would write. kube-state-metrics is not
served as a Go module here, so a stand-in answers in its place: it asks the API server at each scrape and says, under
kube-state-metrics' names, what that says; it makes nothing up, and knows only the series that the rules name.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from components.monitoring.exposed import EXPOSED, exposed_label
from local.kube import ApiError

Object = dict[str, Any]
Sample = tuple[str, Mapping[str, str], float]


def _as_prometheus(one: Mapping[str, Any]) -> Object:
    return {re.sub(r"(?=[A-Z])", "_", key).lower(): value for key, value in one.items()}


def _endpoint(monitor: Object) -> Object:
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    return endpoint


def _job(monitor: Object) -> Object:
    meta, endpoint = monitor["metadata"], _endpoint(monitor)
    return {
        "job_name": f"podMonitor/{meta['namespace']}/{meta['name']}",
        "honor_labels": endpoint["honorLabels"],
        "metric_relabel_configs": [_as_prometheus(each) for each in endpoint["metricRelabelings"]],
    }


def of_pods(monitor: Object, kubeconfig: str) -> Object:
    """Return the scrape configuration of a PodMonitor, whose pods Prometheus finds by the API server."""
    spec, endpoint = monitor["spec"], _endpoint(monitor)
    spaces = spec.get("namespaceSelector", {}).get("matchNames", [monitor["metadata"]["namespace"]])
    chosen = ",".join(f"{key}={value}" for key, value in spec["selector"]["matchLabels"].items())
    found = "__meta_kubernetes_pod_"
    return {
        **_job(monitor),
        "kubernetes_sd_configs": [
            {
                "role": "pod",
                "kubeconfig_file": kubeconfig,
                "namespaces": {"names": spaces},
                "selectors": [{"role": "pod", "label": chosen}],
            }
        ],
        "relabel_configs": [
            {"source_labels": [f"{found}phase"], "regex": "(Failed|Succeeded)", "action": "drop"},
            {"source_labels": [f"{found}container_port_name"], "regex": endpoint["port"], "action": "keep"},
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": [f"{found}name"], "target_label": "pod"},
            {"source_labels": [f"{found}container_name"], "target_label": "container"},
            *(_as_prometheus(each) for each in endpoint["relabelings"]),
        ],
    }


def of_process(monitor: Object, address: str) -> Object:
    """Return the scrape configuration of a PodMonitor whose program is a process of this machine."""
    relabelled = [_as_prometheus(each) for each in _endpoint(monitor)["relabelings"]]
    return {**_job(monitor), "static_configs": [{"targets": [address]}], "relabel_configs": relabelled}


def of_state(address: str) -> Object:
    """Return the scrape configuration of what stands in for kube-state-metrics."""
    return {
        "job_name": "kube-state-metrics",
        "honor_labels": True,
        "static_configs": [{"targets": [address]}],
    }


def states(api: Any) -> Iterator[Sample]:
    """Yield what the API server says of namespaces, nodes, Deployments and pods."""
    for each in api.items("/api/v1/namespaces"):
        there = each["metadata"].get("labels", {})
        shown = {exposed_label(name): there[name] for name in EXPOSED if name in there}
        yield "kube_namespace_labels", {"namespace": each["metadata"]["name"], **shown}, 1
    for each in api.items("/api/v1/nodes"):
        for condition in each["status"].get("conditions", []):
            for status in ("true", "false", "unknown"):
                own = {"node": each["metadata"]["name"], "condition": condition["type"], "status": status}
                yield "kube_node_status_condition", own, condition["status"].lower() == status
    for each in api.items("/apis/apps/v1/deployments"):
        own = {"namespace": each["metadata"]["namespace"], "deployment": each["metadata"]["name"]}
        missing = each.get("status", {}).get("unavailableReplicas", 0)
        yield "kube_deployment_status_replicas_unavailable", own, missing
    for each in api.items("/api/v1/pods"):
        for container in each["status"].get("containerStatuses", []):
            own = {
                "namespace": each["metadata"]["namespace"],
                "pod": each["metadata"]["name"],
                "container": container["name"],
            }
            yield "kube_pod_container_status_ready", own, container["ready"]
            yield "kube_pod_container_status_restarts_total", own, container["restartCount"]


def _line(name: str, own: Mapping[str, str], value: float) -> str:
    labels = ",".join(f'{key}="{one}"' for key, one in own.items())
    return f"{name}{{{labels}}} {float(value)}\n"


@contextmanager
def state_metrics(api: Any) -> Iterator[str]:
    """Answer in kube-state-metrics' place until the block is left; gives the address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                page = "".join(_line(*sample) for sample in states(api)).encode()
            except ApiError as error:  # a scrape that fails, as with the real one
                self.send_error(503, str(error)[:80])
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing: Prometheus says whether it was answered."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
