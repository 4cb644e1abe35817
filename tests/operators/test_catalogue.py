"""The catalogue against what the charts read, against itself, and against the embedded environment."""

import dataclasses
import json
import re
from itertools import pairwise

import pytest
import yaml

from components.operators import keys
from components.operators.catalogue import (
    CATALOGUE,
    NAMESPACES,
    ChartCrds,
    FolderCrds,
    ModuleCrds,
    RenderedCrds,
)
from components.operators.inputs import OperatorInputs
from local.toolchain import published

pytestmark = pytest.mark.unit

EKS = OperatorInputs(
    environment="production",
    replicas=2,
    region="eu-west-3",
    cluster="storefleet-production",
    vpc_name="storefleet-production",
    interruption_queue="storefleet-production-interruptions",
    log_bucket="storefleet-production-logs-111122223333-eu-west-3",
)
SMALL = OperatorInputs(environment="dev")
EACH = pytest.mark.parametrize("operator", CATALOGUE, ids=lambda operator: operator.name)


def table():
    """Return the rows of the table in docs/reference/operators.md."""
    kinds = {
        ModuleCrds: "from its Go module",
        ChartCrds: "from a chart of its own",
        FolderCrds: "from the chart's folder",
        RenderedCrds: "rendered by the chart",
    }
    return [
        f"| {each.name} | {each.version} | {each.app} | {each.namespace} | {kinds.get(type(each.crds), 'none')} |"
        for each in CATALOGUE
    ]


def nodes(value, path=()):
    yield path, value
    if isinstance(value, dict):
        for key, below in value.items():
            yield from nodes(below, (*path, key))


@EACH
@pytest.mark.parametrize("inputs", [EKS, SMALL], ids=["production", "dev"])
def test_every_value_key_that_is_set_is_one_that_the_chart_reads(operator, inputs):
    listing = keys.load(operator.name)
    unread = [path for path in keys.paths_of(operator.values(inputs)) if not listing.reads(path)]
    assert unread == [], f"{operator.name} would ignore {unread} without a word, and run with its default"


def test_keys_of_the_charts_inside_kube_prometheus_stack_are_ones_that_those_read():
    (stack,) = [each for each in CATALOGUE if each.name == "kube-prometheus-stack"]
    values = stack.values(EKS)
    for chart in ("grafana", "kube-state-metrics", "prometheus-node-exporter"):
        listing = keys.load(chart)
        unread = [path for path in keys.paths_of(values[chart]) if not listing.reads(path)]
        assert unread == [], f"{chart} would ignore {unread} without a word"


@EACH
def test_the_listing_is_of_the_version_that_is_installed(operator):
    listing = keys.load(operator.name)
    assert listing.version == operator.version, (
        f"{operator.name}: make its listing anew with python -m components.operators.keys, from {operator.version}"
    )


def test_the_comparison_notices_a_misspelt_key_and_one_of_another_version():
    listing = keys.load("traefik")
    for path in [
        ("providers", "kubernetesCRD", "allowCrossNamespaces"),
        ("deployments", "replicas"),
        ("image", "tags"),
    ]:
        assert not listing.reads(path), f"the check would let {path} through: it could never fail"


@EACH
def test_versions_are_exact_so_that_two_installs_are_the_same(operator):
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", operator.version), f"{operator.name} is not pinned"
    crds = operator.crds
    if isinstance(crds, ChartCrds):
        assert crds.version == operator.version, f"{operator.name} and its definitions are of two versions"
    assert operator.chart.startswith("oci://") == (operator.repository == ""), operator.name


@EACH
def test_definitions_are_no_part_of_an_operators_release(operator):
    if not isinstance(operator.crds, ModuleCrds):
        return
    values, listing = operator.values(EKS), keys.load(operator.name)
    switches = [
        path
        for path in [("crds", "install"), ("crds", "create"), ("crds", "enabled"), ("installCRDs",)]
        if listing.reads(path) and path[0] in values
    ]
    off = [value for path, value in nodes(values) if path in switches]
    assert operator.name == "traefik" or off, f"{operator.name} would bring its definitions along"
    assert not any(off), (
        f"removing {operator.name} would remove its definitions, and with them what they define"
    )


@EACH
def test_definitions_are_of_the_line_that_the_program_was_built_with(operator):
    if not isinstance(operator.crds, ModuleCrds):
        return
    (module,) = [each for each in published.CRDS if each.name == operator.crds.module]
    theirs, ours = (
        tuple(int(part) for part in text.lstrip("v").split(".")) for text in (module.version, operator.app)
    )
    assert theirs[0] == ours[0], f"{operator.name} {operator.app} would meet definitions of {module.version}"
    assert theirs >= ours, f"{operator.name} {operator.app} writes fields that {module.version} has not"


@EACH
@pytest.mark.parametrize("inputs", [EKS, SMALL], ids=["production", "dev"])
def test_no_value_is_a_secret_because_values_are_kept_in_the_state(operator, inputs):
    suspicious = re.compile(r"passw|token|secretKey|credential|licen[cs]e|private", re.IGNORECASE)
    names = {"passwordKey"}  # the name of a key in a Secret, not its value
    found = [
        ".".join(path)
        for path, value in nodes(operator.values(inputs))
        if path and suspicious.search(path[-1]) and path[-1] not in names and isinstance(value, str) and value
    ]
    assert found == [], (
        f"{operator.name} would write {found} into the engine's state, readable by its readers"
    )


def test_charts_that_make_secrets_are_told_to_take_one_or_to_leave_it_to_the_cluster():
    values = {each.name: each.values(EKS) for each in CATALOGUE}
    assert values["kube-prometheus-stack"]["grafana"]["admin"]["existingSecret"]
    assert values["kube-prometheus-stack"]["alertmanager"]["alertmanagerSpec"]["useExistingSecret"]
    assert values["aws-load-balancer-controller"]["enableCertManager"], (
        "the chart would make a private key while it renders: a new one at every run"
    )
    assert "argocdServerAdminPassword" not in json.dumps(values["argo-cd"])


@EACH
@pytest.mark.parametrize("inputs", [EKS, SMALL], ids=["production", "dev"])
def test_nothing_opens_a_load_balancer_or_a_port_of_a_node_unasked(operator, inputs):
    types = [
        value
        for path, value in nodes(operator.values(inputs))
        if path and path[-1] == "type" and value in ("LoadBalancer", "NodePort")
    ]
    assert types == [], f"{operator.name} would be reachable from outside"


def test_a_load_balancer_is_there_when_it_is_asked_for_and_only_for_the_ingress():
    asked = dataclasses.replace(EKS, ingress="LoadBalancer")
    changed = [each.name for each in CATALOGUE if each.values(asked) != each.values(EKS)]
    assert changed == ["traefik"], (
        "another operator than the ingress controller follows the type of its Service"
    )


def test_a_tenants_route_cannot_name_what_is_in_another_namespace():
    (traefik,) = [each for each in CATALOGUE if each.name == "traefik"]
    crd = traefik.values(EKS)["providers"]["kubernetesCRD"]
    assert crd["allowCrossNamespace"] is False, "a tenant could serve another tenant's pages"
    assert crd["allowExternalNameServices"] is False, "a tenant could make the ingress call any address"


@EACH
def test_every_container_that_the_values_know_states_its_memory(operator):
    found = [value for path, value in nodes(operator.values(EKS)) if path and path[-1] == "resources"]
    found += [
        value
        for path, value in nodes(operator.values(EKS))
        if len(path) == 2 and path[0] == "resources" and path[-1] in ("operator", "metricServer", "webhooks")
    ]
    limits = [value for value in found if "limits" in value]
    assert limits, f"{operator.name} could take the memory of a whole node"
    assert all(value["limits"]["memory"] and value["requests"]["cpu"] for value in limits), operator.name


def test_every_operator_has_a_namespace_that_is_held_to_a_standard_and_few_are_free():
    for each in CATALOGUE:
        assert each.namespace == "kube-system" or each.namespace in NAMESPACES, each.name
    free = [name for name, standard in NAMESPACES.items() if standard != "restricted"]
    assert free == ["monitoring-agents"], "an operator that nothing restricts is as good as root on its node"


def test_an_operator_stands_after_all_that_it_needs():
    order = [each.name for each in CATALOGUE]
    assert len(set(order)) == len(order)
    for each in CATALOGUE:
        late = [name for name in each.needs if order.index(name) > order.index(each.name)]
        assert late == [], f"{each.name} would be installed before {late}, and its webhooks would fail"


def test_everything_that_the_platform_stands_on_is_in_the_catalogue():
    wanted = {
        "argo-cd", "argo-rollouts", "traefik", "cert-manager", "external-secrets", "cloudnative-pg",
        "plugin-barman-cloud", "kube-prometheus-stack", "loki", "alloy", "keda", "karpenter",
        "aws-load-balancer-controller", "policy-controller", "pyrra",
        "prometheus-blackbox-exporter",
    }  # fmt: skip
    assert {each.name for each in CATALOGUE} == wanted


def test_rollouts_runs_its_analyses_and_moves_nothing():
    (rollouts,) = [each for each in CATALOGUE if each.name == "argo-rollouts"]
    assert rollouts.values(EKS)["controller"]["extraArgs"] == ["--controllers", "analysis"]


def test_charts_whose_definitions_helm_never_upgrades_are_few_and_known():
    folders = {each.name for each in CATALOGUE if isinstance(each.crds, FolderCrds)}
    assert folders == {"aws-load-balancer-controller", "pyrra"}, (
        "their upgrades need a hand: name them in the docs"
    )


def test_a_chart_that_renders_its_definitions_defines_nothing_that_holds_data():
    rendered = {each.name for each in CATALOGUE if isinstance(each.crds, RenderedCrds)}
    assert rendered == {"policy-controller"}, "removing the operator would remove what its kinds hold"


def test_images_are_asked_about_where_tenants_and_their_databases_run_and_what_no_policy_names_is_refused():
    (verifier,) = [each for each in CATALOGUE if each.name == "policy-controller"]
    webhook = verifier.values(EKS)["webhook"]
    assert webhook["failurePolicy"] == "Fail", "while it is away, anything would run"
    assert webhook["configData"] == {"no-match-policy": "deny"}
    (expression,) = webhook["namespaceSelector"]["matchExpressions"]
    assert expression == {"key": "storefleet.dev/role", "operator": "In", "values": ["cell", "tenant"]}


def test_a_listing_says_what_is_open_closed_and_unread(tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("name: small\nversion: 1.2.3\ndependencies: [{name: sub}]\n")
    values = {
        "image": {"tag": "1"},
        "more": {},
        "unread": 1,
        "whole": {"cpu": 1},
        "sub": {"x": 1},
        "block": {"a": 1},
    }
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "templates" / "a.yaml").write_text(
        "{{ .Values.image.tag }}{{ .Values.image.digest }}{{ .Values.more }}{{ toYaml .Values.whole }}"
        "{{- with .Values.block }}\nblock: {{- toYaml . | nindent 2 }}{{ end }}"
    )
    text = keys.listing_of(tmp_path)
    assert text.splitlines() == [
        "small 1.2.3", "block *", "image", " digest", " tag", "more *", "sub *", "whole *",
    ]  # fmt: skip


def test_listings_are_in_the_order_of_the_alphabet_so_that_an_upgrade_shows_as_a_small_difference():
    for each in CATALOGUE:
        tops = [
            line.removesuffix(" *")
            for line in (keys.FOLDER / f"{each.name}.txt").read_text().splitlines()[1:]
            if not line.startswith(" ")
        ]
        assert all(one < other for one, other in pairwise(tops)), each.name


def test_the_reference_lists_what_is_installed():
    text = (keys.FOLDER.parents[2] / "docs" / "reference" / "operators.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("| ")][1:] == table(), (
        "docs/reference/operators.md tells of other versions than are installed"
    )


def test_alloy_can_write_where_it_keeps_its_place():
    (alloy,) = [each for each in CATALOGUE if each.name == "alloy"]
    values = alloy.values(EKS)
    (mount,) = values["alloy"]["mounts"]["extra"]
    assert mount["mountPath"] == values["alloy"]["storagePath"], (
        "its root file system is read-only: it would not start"
    )
    assert mount["name"] in {volume["name"] for volume in values["controller"]["volumes"]["extra"]}
