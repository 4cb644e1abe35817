"""The client of the cluster: refused with one message, and never by way of somebody's proxy."""

from __future__ import annotations

import json

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
