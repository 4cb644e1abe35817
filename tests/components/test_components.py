"""What the components register, seen by a monitor that writes everything down."""

import pulumi
import pytest

from components.base import Component
from components.cluster.component import cluster_provider
from components.cluster.plan import ClusterPlan
from components.environment import build_environment
from components.kube import BUILT_IN, CUSTOM, type_token
from components.manifests import KubeObject, manifest
from components.plan import plan_environment
from spec.fleet import Fleet
from tests.components import samples
from tests.components.recorder import Recorder, record

pytestmark = pytest.mark.unit

PROVIDER_URN = "urn:pulumi:local::storefleet::pulumi:providers:kubernetes::cluster"


def build(fleet: Fleet, tmp_path) -> Recorder:
    cluster = ClusterPlan(identifier="local", kubeconfig=tmp_path / "kubeconfig", context=None)
    return record(lambda: build_environment(plan_environment(fleet), cluster_provider(cluster)))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(samples.fleet(), tmp_path_factory.mktemp("cluster"))


def of_kubernetes(recorder):
    return [one for one in recorder.registered if one.type.startswith("kubernetes:")]


def test_every_planned_object_is_registered_once(built):
    assert built.duplicates() == [], "the engine refuses a program that registers a URN twice"
    assert len(of_kubernetes(built)) == len(list(plan_environment(samples.fleet()).objects()))


def test_every_object_goes_through_the_explicit_provider(built):
    for one in of_kubernetes(built):
        assert one.provider.startswith(PROVIDER_URN), (
            f"{one.name} might be created in somebody's current context"
        )


def test_manifests_reach_the_engine_unchanged(built):
    planned = {one.meta.name: one.manifest for one in plan_environment(samples.fleet()).tenants[0].objects}
    assert built.named("t-acme/service-account").inputs == planned["odoo"]
    assert built.named("t-acme/allow").inputs == planned["allow"]


def test_every_wait_has_the_environments_limit(built):
    for one in of_kubernetes(built):
        assert one.timeouts == ("120s", "120s", "120s"), f"{one.name} could hang a deployment for ten minutes"


def test_tenants_stand_below_their_cell(built):
    assert built.named("t-acme").parent == built.named("cell-shared").urn
    assert built.named("t-acme/quota").parent == built.named("t-acme").urn


def test_objects_wait_for_the_namespace_that_they_are_put_into(built):
    namespaces = {
        one.inputs["metadata"]["name"]: one.urn
        for one in of_kubernetes(built)
        if one.type.endswith(":Namespace")
    }
    assert len(namespaces) == 9, "four cells, four tenants and the monitoring have a namespace each"
    for one in of_kubernetes(built):
        home = one.inputs["metadata"].get("namespace")
        # Argo CD's own is there before the program runs: with the operators.
        expected = set() if home in (None, "argocd", "kube-system") else {namespaces[home]}
        assert expected <= set(one.depends_on), f"{one.name} might be sent before its namespace exists"


def test_objects_wait_for_what_they_are_planned_after(built):
    urn = built.named("t-acme/role").urn
    assert urn in built.named("t-acme/database").depends_on, (
        "a purge would drop the owner before the database"
    )
    assert built.named("cell-shared/database").urn in built.named("cell-shared/pooler").depends_on
    assert built.named("t-acme/quota").depends_on == (built.named("t-acme/namespace").urn,)


def test_what_operators_define_waits_for_them_and_nothing_else_does(tmp_path):
    cluster = ClusterPlan(identifier="local", kubeconfig=tmp_path / "kubeconfig", context=None)

    def program() -> None:
        provider = cluster_provider(cluster)
        operators = Component("storefleet:tests:Operators", "operators", wait_seconds=60, opts=None)
        body = manifest("v1", "Namespace", "operators", labels={})
        operators.declare([KubeObject(key="namespace", manifest=body, why="To wait for.")])
        operators.register_outputs({})
        build_environment(plan_environment(samples.fleet()), provider, [operators])

    recorder = record(program)
    awaited = recorder.named("operators/namespace").urn
    # The monitoring's namespace is the operators' own elsewhere, so all of it waits.
    others = [one for one in of_kubernetes(recorder) if not one.name.startswith("monitoring/")]
    waiting = {one.type for one in others if awaited in one.depends_on}
    custom = {one.type for one in others if one.type in set(CUSTOM.values())}
    assert len(custom) >= 9, "the check below would hold for next to nothing"
    assert waiting == custom, (
        "an object would be sent before its kind is defined, or wait for what it does not need"
    )


def test_only_what_holds_data_is_protected(built):
    protected = {one.type for one in built.registered if one.protect}
    assert protected == {
        "kubernetes:core/v1:Namespace",
        "kubernetes:barmancloud.cnpg.io/v1:ObjectStore",
        "kubernetes:postgresql.cnpg.io/v1:Cluster",
        "kubernetes:postgresql.cnpg.io/v1:Database",
        "kubernetes:postgresql.cnpg.io/v1:DatabaseRole",
    }


def test_every_component_registers_its_outputs(built):
    components = {one.urn for one in built.registered if one.type.startswith("storefleet:")}
    assert len(components) == 12, (
        "admission, the platform, the delivery, the monitoring, four cells and four tenants"
    )
    assert components <= built.outputs.keys(), "the engine would call the component unfinished"
    assert built.outputs[built.named("t-dune").urn] == {"namespace": "t-dune"}
    assert built.outputs[built.named("cell-own").urn] == {"namespace": "cell-own"}


def test_one_more_tenant_registers_only_its_own_resources(built, tmp_path):
    fleet = samples.fleet()
    more = build(Fleet(fleet.environment, (*fleet.tenants, samples.tenant("newcomer"))), tmp_path)
    before = {one.urn: one.inputs for one in of_kubernetes(built)}
    after = {one.urn: one.inputs for one in of_kubernetes(more)}
    changed = {urn for urn in after if before.get(urn) != after[urn]}
    assert before.keys() <= after.keys()
    assert {urn.rpartition("::")[2].split("/")[0] for urn in changed} == {"t-newcomer"}
    assert len(changed) == 13


def test_the_callers_options_do_not_reach_the_children():
    class Example(Component):
        def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
            super().__init__("storefleet:tests:Example", name, wait_seconds=60, opts=opts)
            body = manifest("v1", "Namespace", "example", labels={})
            self.declare([KubeObject(key="namespace", manifest=body, why="To have a child.")])
            self.register_outputs({})

    options = pulumi.ResourceOptions(
        depends_on=[], custom_timeouts=pulumi.CustomTimeouts(create="9h"), aliases=[pulumi.Alias(name="old")]
    )
    recorder = record(lambda: Example("example", options))
    assert recorder.named("example/namespace").parent == recorder.named("example").urn
    assert recorder.named("example/namespace").timeouts == ("60s", "60s", "60s")


def test_every_known_kind_has_the_token_of_the_providers_own_sdk():
    import pulumi_kubernetes  # noqa: PLC0415 - slow

    with open(pulumi_kubernetes.__file__, encoding="utf-8") as source:  # noqa: PTH123
        registered = source.read()
    for token in BUILT_IN.values():
        assert f'"{token}"' in registered, f"the engine would look for {token} in vain"


def test_every_custom_kind_is_of_a_definition_that_the_embedded_environment_installs():
    groups = {"barmancloud.cnpg.io", "external-secrets.io", "monitoring.coreos.com", "postgresql.cnpg.io"}
    assert groups <= {version.partition("/")[0] for version, _ in CUSTOM}
    assert all(token == f"kubernetes:{version}:{kind}" for (version, kind), token in CUSTOM.items())


def test_an_unknown_kind_is_refused_with_the_place_to_add_it():
    planned = KubeObject(key="cache", manifest=manifest("v1", "Pudding", "x", labels={}), why="None.")
    with pytest.raises(
        ValueError, match=r"cache: .* v1 Pudding; add it to BUILT_IN or CUSTOM in components/kube\.py"
    ):
        type_token(planned)
