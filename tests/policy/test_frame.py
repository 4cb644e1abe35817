"""What every rule says of itself, and what the adapter makes of rules."""

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, Severity
from pulumi_policy.proxy import unknown_checking_proxy

import policy
from policy.adapter import config_schema, plain, policies
from policy.frame import Provider, Resource, ResourceRule
from policy.reading import Unknown, UnknownValue
from policy.rules import RULES
from tests.policy.baseline import baseline
from tests.policy.harness import UNKNOWN, judge

pytestmark = pytest.mark.policy

FOLDER = Path(policy.__file__).parent
POLICIES = {made.name: made for made in policies(RULES)}
NAMES = [rule.name for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_says_what_people_need_to_know(rule):
    made = POLICIES[rule.name]
    assert made.enforcement_level is EnforcementLevel.MANDATORY, "a breach would be shown and then applied"
    assert made.severity in Severity
    assert made.description.endswith("."), "the title is a sentence"
    assert made.remediation_steps, "nobody is told how to comply"
    assert made.remediation_steps.endswith(".")
    if rule.framework is not None:
        assert all((made.framework.name, made.framework.version, made.framework.specification))


def test_advice_is_a_policy_of_its_own_that_stops_nothing():
    advising = {rule.name for rule in RULES if rule.advises}
    advice = {name for name in POLICIES if name.endswith("-advice")}
    assert advice == {f"{name}-advice" for name in advising}
    assert advice, "there is nothing to look at"
    for name in advice:
        assert POLICIES[name].enforcement_level is EnforcementLevel.ADVISORY


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_the_engine_can_check_every_setting_and_knows_its_default(rule):
    for name, schema in config_schema(rule).properties.items():
        assert "default" in schema, f"{name} has to be configured before the pack runs at all"
        assert "description" in schema, f"{name} is not explained"
        assert "$ref" not in str(schema), f"{name} refers to a definition that the engine does not get"
    assert rule.settings(), "the defaults do not satisfy the settings' own model"


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_is_the_module_of_its_name(rule):
    module = importlib.import_module(f"policy.rules.{rule.name.replace('-', '_')}")
    assert module.RULE is rule


def test_no_rule_is_left_out_of_the_pack():
    modules = {path.stem.replace("_", "-") for path in (FOLDER / "rules").glob("*.py")} - {"--init--"}
    assert modules == set(NAMES), "a rule that is not listed protects nobody"
    assert len(NAMES) == len(set(NAMES))


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_rules_know_neither_the_engine_nor_its_sdk():
    free = [path for path in FOLDER.rglob("*.py") if path.name not in {"adapter.py", "__main__.py"}]
    assert len(free) > len(RULES), "nothing was looked at"
    for path in free:
        assert not imports_of(path) & {"pulumi", "pulumi_policy"}, f"{path.name} cannot be tested by itself"


def test_only_the_main_module_builds_the_pack():
    builders = {
        path.name for path in FOLDER.rglob("*.py") if "PolicyPack(" in path.read_text(encoding="utf-8")
    }
    assert builders == {"__main__.py"}, "building a pack never returns: an import would hang"


@pytest.mark.parametrize("rule", NAMES)
def test_a_misspelt_setting_is_refused_once_with_the_right_key(rule):
    keys = config_schema(next(r for r in RULES if r.name == rule)).properties
    key = next(iter(keys))
    judgement = judge(baseline(), {rule: {f"{key}x": ["a"]}}, only=rule)
    messages = [message for name, message, _ in judgement.breaches if name == rule]
    assert len(messages) == 1, "said more than once, or not at all: then the default holds and nobody knows"
    assert messages[0].endswith(f"of {rule}: {key}x is not one of its settings. Fix: write {key}.")


def test_a_setting_that_resembles_none_is_answered_with_all_of_them():
    judgement = judge(baseline(), {"image-digest": {"zzz": 1}})
    assert judgement.messages == [
        "policy configuration of image-digest: zzz is not one of its settings. Fix: use one of own, registries."
    ]


def test_a_setting_of_the_wrong_type_is_refused():
    judgement = judge(baseline(), {"tenant-isolation": {"dnsPort": "dns"}})
    assert judgement.rules == {"tenant-isolation"}
    assert "dnsPort" in judgement.messages[0]


def test_numbers_from_the_engine_are_taken_although_they_are_floats():
    assert not judge(baseline(), {"tenant-isolation": {"dnsPort": 53.0}}).breaches


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def without_bookkeeping(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_bookkeeping(item) for key, item in value.items() if not key.startswith("__")}
    return [without_bookkeeping(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=50)
@given(st.dictionaries(st.text("abc_", max_size=3), VALUES, max_size=3))
def test_plain_values_are_what_the_proxies_stand_for(props):
    assert plain(unknown_checking_proxy(props)) == without_bookkeeping(props)


def test_unknown_values_keep_their_place():
    props = unknown_checking_proxy({"spec": {"items": ["a", UNKNOWN]}, "name": UNKNOWN})
    assert plain(props) == {"spec": {"items": ["a", Unknown("spec.items[1]")]}, "name": Unknown("name")}


FIELDS = st.sampled_from(
    [
        *("apiVersion", "kind", "metadata", "name", "namespace", "labels", "data", "spec", "template"),
        *("containers", "initContainers", "env", "value", "image", "args", "resources", "limits", "requests"),
        *(
            "rules",
            "routes",
            "match",
            "host",
            "tls",
            "subjects",
            "verbs",
            "annotations",
            "replicas",
            "volumes",
        ),
        *(
            "securityContext",
            "tolerations",
            "nodeSelector",
            "policy",
            "tags",
            "bucket",
            "region",
            "vpcConfig",
        ),
        *("hard", "type", "ingress", "egress", "to", "from", "ports", "podSelector", "policyTypes"),
    ]
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just(UNKNOWN) | st.just("t-acorn"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=25,
)
CLOUD = st.sampled_from(
    [
        *("s3/bucket:Bucket", "s3/bucketPolicy:BucketPolicy", "rds/instance:Instance", "eks/cluster:Cluster"),
        *(
            "iam/role:Role",
            "ec2/securityGroup:SecurityGroup",
            "backup/plan:Plan",
            "efs/fileSystem:FileSystem",
        ),
        *("ec2/launchTemplate:LaunchTemplate", "s3/bucketReplicationConfig:BucketReplicationConfig"),
    ]
).map(lambda token: f"aws:{token}")
TOKENS = st.sampled_from(
    [
        *("core/v1:Namespace", "core/v1:ConfigMap", "core/v1:ResourceQuota", "core/v1:LimitRange"),
        *("networking.k8s.io/v1:NetworkPolicy", "core/v1:Secret", "apps/v1:Deployment"),
        *(
            "networking.k8s.io/v1:Ingress",
            "traefik.io/v1alpha1:IngressRoute",
            "policy/v1:PodDisruptionBudget",
        ),
        *("rbac.authorization.k8s.io/v1:RoleBinding", "batch/v1:CronJob", "core/v1:PersistentVolume"),
        *(
            "postgresql.cnpg.io/v1:Cluster",
            "external-secrets.io/v1:ExternalSecret",
            "karpenter.sh/v1:NodePool",
        ),
        *("example.com/v1:Thing", "v1:Pod"),
    ]
).map(lambda token: f"kubernetes:{token}")


@settings(max_examples=80)
@given(token=TOKENS | CLOUD, props=st.dictionaries(FIELDS, SHAPES, max_size=6))
def test_no_object_whatever_its_shape_makes_a_rule_fail(token, props):
    plain_props: Any = plain(unknown_checking_proxy(props))
    resource = Resource(
        type=token,
        name="x",
        urn="urn",
        props=plain_props,
        provider=Provider(type="pulumi:providers:kubernetes", name="cluster", urn="urn"),
        protect=False,
    )
    for rule in RULES:
        if not rule.selects(token):
            continue
        try:
            if isinstance(rule, ResourceRule):
                findings = list(rule.check(resource, rule.settings()))
            else:
                findings = list(rule.check([resource], rule.settings()))
        except UnknownValue:
            continue
        assert all(finding.resource is resource for finding in findings)


@dataclass
class Arguments:
    """Just enough of the SDK's arguments to show that nothing more is touched."""

    resource_type: str

    def get_config(self):
        return {}

    def __getattr__(self, name):
        raise AssertionError(f"{name} was read of a resource that no rule is about")


def test_resources_that_a_rule_is_not_about_are_not_read():
    elsewhere = "random:index/randomId:RandomId"
    for rule in RULES:
        made = POLICIES[rule.name]
        if isinstance(made, ResourceValidationPolicy) and not rule.selects(elsewhere):
            made.validate(Arguments(elsewhere), lambda *_: None)


def test_what_could_not_be_judged_is_named_to_people():
    stack = baseline()
    stack["web"]["spec"] = UNKNOWN
    assert "spec of web" in judge(stack).skipped["resources-set"]
