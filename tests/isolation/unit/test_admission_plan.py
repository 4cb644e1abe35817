"""The admission policies as they are planned: one for each part of a rule, and independent of tenants."""

import json
import re

import pytest

from components.admission.plan import plan_admission
from policy.admission import ADMISSIONS
from policy.rules import RULES
from spec import labels
from spec.tiers import TIERS
from tests.components import samples
from tests.components.golden import as_yaml, check_golden

pytestmark = pytest.mark.unit

VARIABLE = re.compile(r"variables\.(\w+)")
OPERATIONS = {"CREATE", "UPDATE", "DELETE"}


def planned(kind):
    return [one for one in plan_admission(samples.environment()).objects if one.kind == kind]


@pytest.mark.golden
def test_what_the_api_server_refuses_is_on_file():
    check_golden(
        "admission.yaml",
        as_yaml(plan_admission(samples.environment()).objects),
        "the next deployment changes what every cluster refuses.",
    )


def test_every_part_belongs_to_a_rule_of_the_pack():
    names = {rule.name for rule in RULES}
    assert not [part.name for part in ADMISSIONS if part.rule not in names], (
        "a part of a rule that the pack lacks reaches no cluster"
    )


def test_every_policy_has_a_binding_that_refuses_and_fails_closed():
    policies = planned("ValidatingAdmissionPolicy")
    bindings = {
        one.manifest["spec"]["policyName"]: one for one in planned("ValidatingAdmissionPolicyBinding")
    }
    assert len(policies) == len(ADMISSIONS) == len(bindings)
    for one in policies:
        assert one.manifest["spec"]["failurePolicy"] == "Fail", f"{one.key} lets through what it cannot judge"
        assert bindings[one.meta.name].manifest["spec"]["validationActions"] == ["Deny"], (
            f"{one.key} would only be written into a log that nobody reads"
        )


def test_the_objects_do_not_grow_with_the_tenants():
    objects = plan_admission(samples.environment()).objects
    assert len(objects) == 2 * len(ADMISSIONS)
    for one in objects:
        written = json.dumps(one.manifest).replace("acme.cert-manager.io", "")  # the protocol, not the tenant
        assert "acme" not in written, "a thousand tenants would need a thousand policies"


def test_only_the_guard_that_needs_a_clock_has_one_and_refuses_without():
    with_parameters = [
        one for one in planned("ValidatingAdmissionPolicy") if "paramKind" in one.manifest["spec"]
    ]
    assert [one.meta.name for one in with_parameters] == ["storefleet-stateful-protected"]
    (binding,) = [
        one for one in planned("ValidatingAdmissionPolicyBinding") if "paramRef" in one.manifest["spec"]
    ]
    assert binding.manifest["spec"]["paramRef"]["parameterNotFoundAction"] == "Deny", (
        "in a cluster without the Leases every deletion would be let through"
    )


@pytest.mark.parametrize("part", ADMISSIONS, ids=lambda part: part.name)
def test_a_part_uses_only_variables_that_stand_before_the_use(part):
    known: set[str] = set()
    for name, expression in part.variables.items():
        assert set(VARIABLE.findall(expression)) <= known, f"{name} would fail on every request"
        known.add(name)
    for validation in part.validations:
        assert set(VARIABLE.findall(f"{validation.expression} {validation.message}")) <= known
    for condition in part.conditions.values():
        assert not VARIABLE.findall(condition), "the API server gives conditions no variables"
        assert "namespaceObject" not in condition, "in conditions it is empty, and every request would fail"


@pytest.mark.parametrize("part", ADMISSIONS, ids=lambda part: part.name)
def test_every_refusal_says_how_to_comply(part):
    for validation in part.validations:
        assert "Fix:" in validation.message, f"who meets {part.name} does not learn what to do"
    for target in part.targets:
        assert set(target.operations) <= OPERATIONS


def test_the_classes_of_every_tier_are_in_the_policy():
    (part,) = [one for one in ADMISSIONS if one.rule == "dedicated-compute"]
    for tier, preset in TIERS.items():
        assert f'"{tier.value}": "{preset.priority_class.name}"' in part.variables["priority"]
        assert f'"{tier.value}": "{preset.storage_class}"' in part.variables["storage"]


def test_what_concerns_a_namespaces_objects_follows_its_role_and_not_a_label_of_theirs():
    for one in planned("ValidatingAdmissionPolicy"):
        constraints = one.manifest["spec"]["matchConstraints"]
        assert constraints["objectSelector"] == {}, "whoever writes the object would choose its policies"
        for expression in constraints["namespaceSelector"].get("matchExpressions", []):
            assert expression["key"] == labels.ROLE
