"""Where the cluster of an environment is found."""

from pathlib import Path

import pytest

from components.cluster.component import cluster_provider
from components.cluster.plan import plan_cluster
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
