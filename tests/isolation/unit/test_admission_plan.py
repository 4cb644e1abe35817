"""The admission policies as they are planned: one for each part of a rule, and independent of tenants."""

import json
import re
from datetime import date

import pytest

from components.admission.known import KEY, known_images
from components.admission.plan import plan_admission
from policy.admission import ADMISSIONS
from policy.admission.images import DIGEST
from policy.admission.known import LIST_KEY, canonical
from policy.image_lock import LockedImage
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


def bindings(environment=None):
    objects = plan_admission(environment or samples.environment()).objects
    return {
        one.manifest["spec"]["policyName"]: one.manifest["spec"]
        for one in objects
        if one.kind == "ValidatingAdmissionPolicyBinding"
    }


def test_every_policy_has_a_binding_that_refuses_and_fails_closed():
    policies = planned("ValidatingAdmissionPolicy")
    assert len(policies) == len(ADMISSIONS) == len(bindings())
    for one in policies:
        assert one.manifest["spec"]["failurePolicy"] == "Fail", f"{one.key} lets through what it cannot judge"
        assert bindings()[one.meta.name]["validationActions"] == ["Deny"], (
            f"{one.key} would only be written into a log that nobody reads"
        )


@pytest.mark.parametrize("name", ["local", "dev", "staging", "production"])
def test_where_builds_are_tried_an_unknown_image_is_only_told_and_everything_else_is_refused(name):
    for policy, spec in bindings(samples.environment(name=name)).items():
        told = name == "dev" and policy == "storefleet-image-signed-known"
        assert spec["validationActions"] == (["Warn", "Audit"] if told else ["Deny"]), f"{policy} in {name}"


def test_the_policies_do_not_grow_with_the_tenants_and_a_release_more_changes_only_the_list():
    objects = plan_admission(samples.environment()).objects
    assert len(objects) == 2 * len(ADMISSIONS) + 1
    for one in objects:
        written = json.dumps(one.manifest).replace("acme.cert-manager.io", "")  # the protocol, not the tenant
        assert "acme" not in written, "a thousand tenants would need a thousand policies"
    more = plan_admission(samples.environment(), [f"registry.example/odoo@sha256:{'7' * 64}"]).objects
    assert [two.key for one, two in zip(objects, more, strict=True) if one.manifest != two.manifest] == [KEY]


def test_a_guard_that_is_told_something_by_an_object_refuses_without_it():
    told = {
        one.meta.name: one.manifest["spec"]["paramKind"]["kind"]
        for one in planned("ValidatingAdmissionPolicy")
        if "paramKind" in one.manifest["spec"]
    }
    assert told == {"storefleet-image-signed-known": "ConfigMap", "storefleet-stateful-protected": "Lease"}
    referring = {name: spec["paramRef"] for name, spec in bindings().items() if "paramRef" in spec}
    assert referring.keys() == told.keys()
    for name, reference in referring.items():
        assert reference["parameterNotFoundAction"] == "Deny", (
            f"in a cluster without its object {name} would let everything through"
        )


def test_the_list_is_there_before_the_policy_that_goes_by_it():
    (one,) = [
        each
        for each in planned("ValidatingAdmissionPolicyBinding")
        if each.meta.name == "storefleet-image-signed-known"
    ]
    (known,) = planned("ConfigMap")
    assert one.after == (known.key,), "no pod of a tenant would start until the list came"
    reference = bindings()["storefleet-image-signed-known"]["paramRef"]
    assert (reference["namespace"], reference["name"]) == (known.meta.namespace, known.meta.name)


def test_whatever_an_image_is_one_of_two_policies_judges_it():
    """The policy of unknown images leaves those without a digest to the other, so it must stand where that one does."""
    (by_tag,) = [one for one in ADMISSIONS if one.rule == "image-digest"]
    (unknown,) = [one for one in ADMISSIONS if one.name == "storefleet-image-signed-known"]
    assert set(unknown.roles) <= set(by_tag.roles)
    assert unknown.targets == by_tag.targets
    assert unknown.conditions == by_tag.conditions
    pattern = re.escape(DIGEST)
    assert re.search(rf"!i\.matches\('{pattern}'\)", by_tag.variables["loose"])
    assert re.search(rf'filter\(i, i\.matches\("{pattern}"\) && ', unknown.variables["strange"])


PINNED = f"sha256:{'0123456789abcdef' * 4}"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("odoo", "odoo"),
        ("odoo:19", "odoo"),
        ("docker.io/library/odoo:19.0-x_y", "docker.io/library/odoo"),
        ("registry.example:5000/a/b", "registry.example:5000/a/b"),
        ("registry.example:5000/a/b:1", "registry.example:5000/a/b"),
    ],
)
def test_a_tag_before_the_digest_decides_nothing(image, name):
    assert canonical(f"{image}@{PINNED}") == f"{name}@{PINNED}"


@pytest.mark.parametrize(
    "image",
    [
        "odoo",
        "odoo:19",
        "odoo@sha256:0123",
        f"@{PINNED}",
        f"a b@{PINNED}",
        f"a:b/c@{PINNED}",
        f"a@{PINNED}@{PINNED}",
        f"a@{PINNED}\n",
        f"a\nb@{PINNED}",
    ],
)
def test_what_is_no_image_by_its_digest_never_comes_into_the_list(image):
    with pytest.raises(ValueError, match="is not an image by its digest"):
        canonical(image)


def test_the_list_says_each_image_once_and_in_order():
    environment = samples.environment(recovery=samples.RECOVERY)
    verified = LockedImage(
        digest=PINNED, image="registry.example/valkey", verified_at=date(2026, 11, 1), by="somebody"
    )
    released = [f"registry.example/odoo:19@{PINNED}", f"registry.example/odoo@{PINNED}"]
    found = known_images(environment, released, [verified])
    assert found == (
        samples.RECOVERY["image"],
        f"registry.example/odoo@{PINNED}",
        f"registry.example/valkey@{PINNED}",
    ), "an image that backups run, or that somebody verified, would not start"
    (one,) = [each for each in plan_admission(environment, released).objects if each.key == KEY]
    assert one.manifest["data"][LIST_KEY].splitlines() == list(found[:2])


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
