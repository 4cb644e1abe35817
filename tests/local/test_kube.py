"""The client of the cluster: refused with one message, and never by way of somebody's proxy."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from local.kube import ApiError, KubeApi


def kubeconfig(folder, server):
    file = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize("content", [None, "", "{", "clusters: []"])
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path, content):
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ApiError, match=str(file)):
        KubeApi(file)


def test_a_server_that_is_not_there_is_not_ready(tmp_path):
    assert not KubeApi(kubeconfig(tmp_path, "https://127.0.0.1:1")).ready()


def test_the_embedded_server_is_never_reached_through_a_proxy(tmp_path, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    assert KubeApi(kubeconfig(tmp_path, "https://127.0.0.1:6443"))._client.configuration.proxy is None
    remote = KubeApi(kubeconfig(tmp_path, "https://api.example"))
    assert remote._client.configuration.proxy == "http://proxy.example:3128", "EKS could not be reached"


def test_certificates_are_always_verified(tmp_path):
    assert KubeApi(kubeconfig(tmp_path, "https://127.0.0.1:6443"))._client.configuration.verify_ssl


def test_a_kind_that_the_cluster_does_not_know_has_no_objects(tmp_path, monkeypatch):
    def call(self, method, path, **_):
        if path == "/apis/karpenter.sh/v1":
            raise ApiError(f"GET {path}", 404, "404 page not found")
        if path == "/apis/monitoring.coreos.com/v1":
            return json.dumps({"resources": []})
        raise ApiError(f"GET {path}", 503, "busy")

    monkeypatch.setattr(KubeApi, "_call", call)
    api = KubeApi(kubeconfig(tmp_path, "https://127.0.0.1:1"))
    assert api.every("karpenter.sh/v1", "NodePool") == [], (
        "status would end where an operator is not installed"
    )
    assert api.every("monitoring.coreos.com/v1", "PodMonitor") == []
    with pytest.raises(ApiError, match="busy"):
        api.every("apps/v1", "StatefulSet")


@pytest.fixture
def served():
    """A server that answers what it is told to, in turn, and remembers what it was sent."""
    answers, bodies = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answers.pop(0))
            self.end_headers()
            self.wfile.write(b'{"message": "storage is (re)initializing"}')

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, bodies
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_server_that_has_no_time_is_asked_again_and_not_for_ever(tmp_path, served, monkeypatch):
    address, answers, bodies = served
    slept = []
    monkeypatch.setattr("local.kube.time.sleep", slept.append)
    api = KubeApi(kubeconfig(tmp_path, address))
    answers += [429, 429, 200]
    api.merge("/api/v1/namespaces/a", {"metadata": {"labels": {"a": "b"}}})
    assert len(slept) == 2
    assert bodies == [{"metadata": {"labels": {"a": "b"}}}] * 3, "a patch that is encoded twice is a text"
    answers += [429] * 20
    with pytest.raises(ApiError, match="initializing") as refused:
        api.merge("/api/v1/namespaces/a", {})
    assert refused.value.status == 429
