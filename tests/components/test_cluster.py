"""Where the cluster of an environment is found."""

import json
from pathlib import Path

import pytest

from components.cache.pod import SKIP_AWAIT
from components.cluster.component import cluster_provider
from components.cluster.placing import ARCHIVE, WAIT_FOR, placed
from components.cluster.plan import plan_cluster
from components.database.images import VALKEY
from components.plan import plan_environment
from local.node.images.oci import REGISTRY
from local.node.settings import HERE
from local.state import ROOT
from policy.rules.image_digest import ImageSettings
from spec.problems import SpecError
from tests.components import samples
from tests.components.recorder import record

pytestmark = pytest.mark.unit


def test_the_embedded_cluster_is_found_in_the_checkout(tmp_path):
    written = tmp_path / ".storefleet" / "kubeconfig"
    written.parent.mkdir()
    written.write_text("clusters: []")
    plan = plan_cluster(samples.environment(), tmp_path, {})
    assert (plan.identifier, plan.kubeconfig, plan.context) == ("local", written, None)


def test_a_variable_moves_the_embedded_kubeconfig(tmp_path):
    moved = tmp_path / "elsewhere"
    moved.write_text("clusters: []")
    plan = plan_cluster(samples.environment(), Path("/nowhere"), {"STOREFLEET_KUBECONFIG": str(moved)})
    assert plan.kubeconfig == moved


def test_a_given_kubeconfig_is_taken_from_the_projects_root_with_its_context(tmp_path):
    (tmp_path / "kube.yaml").write_text("clusters: []")
    cluster = {"source": "kubeconfig", "path": "kube.yaml", "context": "rehearsal"}
    plan = plan_cluster(samples.environment(cluster=cluster), tmp_path, {"STOREFLEET_KUBECONFIG": "/else"})
    assert plan.kubeconfig == tmp_path / "kube.yaml", "another folder's cluster would be changed"
    assert plan.context == "rehearsal"


def test_a_missing_embedded_cluster_is_refused_with_the_command_that_starts_it(tmp_path):
    with pytest.raises(SpecError) as caught:
        plan_cluster(samples.environment(), tmp_path, {})
    assert str(caught.value) == (
        "stacks/Pulumi.local.yaml: storefleet:environment.cluster: there is no kubeconfig file here\n"
        f"  value: {tmp_path}/.storefleet/kubeconfig\n"
        "  fix: start the embedded cluster with make up"
    )


def test_a_missing_given_kubeconfig_names_the_field_to_correct(tmp_path):
    cluster = {"source": "kubeconfig", "path": "gone.yaml"}
    with pytest.raises(SpecError, match=r"storefleet:environment\.cluster\.path: there is no kubeconfig"):
        plan_cluster(samples.environment(cluster=cluster), tmp_path, {})


def test_the_provider_gets_the_path_and_never_the_content(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("canary-credential")
    plan = plan_cluster(samples.environment(), tmp_path, {"STOREFLEET_KUBECONFIG": str(path)})
    (provider,) = record(lambda: cluster_provider(plan)).registered
    assert provider.inputs["kubeconfig"] == str(path)
    assert "canary" not in repr(provider.inputs), "the credentials would stand in the state"
    assert provider.inputs["clusterIdentifier"] == "local", "a moved file would replace every object"
    assert provider.inputs["enableServerSideApply"] in {True, "true"}


REAL = {"source": "embedded", "pods": "real"}
IN_PLACE = {VALKEY: f"storefleet.local/valkey@sha256:{'1' * 64}"}


def test_pods_that_run_need_somebody_to_say_which_images_the_node_has(tmp_path):
    (tmp_path / "kubeconfig").write_text("clusters: []")
    variables = {"STOREFLEET_KUBECONFIG": str(tmp_path / "kubeconfig")}
    environment = samples.environment(cluster=REAL)
    with pytest.raises(SpecError) as refused:
        plan_cluster(environment, tmp_path, variables)
    assert str(refused.value) == (
        "stacks/Pulumi.local.yaml: storefleet:environment.cluster.pods: nobody says which images the real node has\n"
        f"  value: {tmp_path / 'images.json'}\n"
        "  fix: start the real node with make up, which builds them: plain pulumi does not"
    )
    (tmp_path / "images.json").write_text("[")
    with pytest.raises(SpecError, match="cannot be read"):
        plan_cluster(environment, tmp_path, variables)
    (tmp_path / "images.json").write_text(json.dumps(IN_PLACE))
    assert plan_cluster(environment, tmp_path, variables).images == IN_PLACE
    assert plan_cluster(samples.environment(), tmp_path, variables).images is None


def test_without_a_real_node_a_plan_is_declared_as_it_is():
    plan = plan_environment(samples.fleet())
    assert placed(plan, None) is plan


def test_on_the_real_node_the_same_objects_are_declared_and_the_engine_waits_for_what_runs():
    plan = plan_environment(samples.fleet())
    before = {(one.kind, one.meta.namespace, one.key): one for one in plan.objects()}
    after = {(one.kind, one.meta.namespace, one.key): one for one in placed(plan, IN_PLACE).objects()}
    left = {place for place in before if place[0] in ARCHIVE}
    assert [place for place in before if place not in left] == list(after), (
        "another node would be another platform"
    )
    waited = {kind for (kind, _, _), one in after.items() if WAIT_FOR in _annotations(one)}
    assert waited == {"Cluster", "Pooler", "DatabaseRole", "Database"}
    for (kind, _, _), one in after.items():
        assert (SKIP_AWAIT in _annotations(one)) == (kind == "Service" and one.key == "cache-service"), (
            "the engine would not wait for a pod that runs, or would wait for a pod that comes after"
        )
    text = json.dumps([dict(one.manifest) for one in after.values()])
    assert VALKEY not in text
    caches = [one.manifest["spec"]["template"]["spec"] for one in after.values() if one.kind == "StatefulSet"]
    assert caches
    assert all(pod["nodeSelector"] == HERE["nodeSelector"] for pod in caches)
    for place, one in after.items():
        if one.kind == "Cluster":
            queries = [each["name"] for each in one.manifest["spec"]["monitoring"]["customQueriesConfigMap"]]
            assert queries[0] == "cnpg-default-monitoring", (
                "the operator puts it there, and the engine would not"
            )
            assert one.manifest["spec"]["instances"] == min(2, before[place].manifest["spec"]["instances"])
    untouched = {"ExternalSecret", "NetworkPolicy", "Namespace", "ResourceQuota", "PodMonitor", "AppProject"}
    assert untouched <= {kind for kind, _, _ in after}
    for place, one in after.items():
        if place[0] in untouched:
            assert one.manifest == before[place].manifest


def test_images_of_this_machine_are_allowed_beside_the_ones_of_everywhere_and_no_rule_is_off():
    told = json.loads((ROOT / "policy" / "real-node.json").read_text())
    assert list(told) == ["image-digest"]
    assert told["image-digest"]["registries"] == [*ImageSettings().registries, REGISTRY]


def _annotations(planned):
    return planned.manifest["metadata"].get("annotations", {})
