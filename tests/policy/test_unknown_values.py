"""At preview some values are unknown: what needs one is said to be undecided, the rest is judged."""

import pytest

from tests.policy.baseline import baseline
from tests.policy.breaks import BREAKS, broken
from tests.policy.harness import PROVIDER, UNKNOWN, Judged, judge, judge_resources
from tests.policy.parts import a_container, containers_of

pytestmark = pytest.mark.policy


def test_a_value_that_no_rule_needs_keeps_none_from_judging():
    stack = baseline()
    stack["web"]["spec"]["revisionHistoryLimit"] = UNKNOWN
    containers_of(stack)[0]["resources"]["limits"]["memory"] = UNKNOWN
    judgement = judge(stack)
    assert not judgement.breaches
    skipped = judgement.skipped.keys() - {"no-plaintext-secret"}
    assert not skipped, f"{skipped} gave up for a value that they do not need"
    assert judgement.skipped["no-plaintext-secret"], "any text may hold a secret: this rule cannot know yet"


def test_an_unknown_image_is_undecided_and_the_next_container_is_still_refused():
    stack = broken(BREAKS["image-digest"])
    containers_of(stack, kind="initContainers")[0]["image"] = UNKNOWN
    containers_of(stack).append(a_container("late", image=UNKNOWN))
    judgement = judge(stack)
    assert "image-digest" in judgement.rules, "an unknown image hid one that is not pinned"
    assert "initContainers[0].image of web" in judgement.skipped["image-digest"]
    assert "containers[1].image" in judgement.skipped["image-digest"], (
        "only the first unknown value was named"
    )


@pytest.mark.parametrize("place", ["spec", "template", "containers", "container"])
def test_containers_that_are_not_known_yet_are_undecided(place):
    stack = baseline()
    web = stack["web"]
    if place == "spec":
        web["spec"] = UNKNOWN
    elif place == "template":
        web["spec"]["template"] = UNKNOWN
    elif place == "containers":
        web["spec"]["template"]["spec"]["containers"] = UNKNOWN
    else:
        containers_of(stack)[0] = UNKNOWN
    judgement = judge(stack)
    assert not judgement.breaches
    assert {"resources-set", "image-digest", "no-plaintext-secret"} <= judgement.skipped.keys(), (
        "passed unseen"
    )


def test_unknown_resources_are_undecided():
    stack = baseline()
    containers_of(stack)[0]["resources"] = UNKNOWN
    assert "resources-set" in judge(stack).skipped


def test_an_object_of_unknown_namespace_is_undecided_rather_than_called_missing():
    stack = baseline()
    stack["quota"]["metadata"]["namespace"] = UNKNOWN
    judgement = judge(stack)
    assert not judgement.breaches, "the quota is there: a preview would be refused for nothing"
    assert "metadata.namespace of quota" in judgement.skipped["tenant-isolation"]


def test_an_object_of_unknown_namespace_hides_no_wrong_label():
    stack = baseline()
    stack["quota"]["metadata"]["namespace"] = UNKNOWN
    stack["namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "privileged"
    assert judge(stack).rules == {"tenant-isolation"}


def test_an_unknown_label_counts_as_set_but_not_as_right():
    stack = baseline()
    stack["web"]["metadata"]["labels"]["storefleet.dev/tenant"] = UNKNOWN
    stack["namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = UNKNOWN
    judgement = judge(stack)
    assert not judgement.breaches
    assert {"required-labels", "tenant-isolation"} <= judgement.skipped.keys()


def test_a_namespace_of_unknown_name_is_undecided():
    stack = baseline()
    stack["namespace"]["metadata"]["name"] = UNKNOWN
    judgement = judge(stack)
    assert not judgement.breaches
    assert "metadata.name of namespace" in judgement.skipped["tenant-isolation"]


def test_a_kubeconfig_that_is_not_known_yet_counts_as_named():
    judgement = judge_resources([Judged(PROVIDER, "cluster", {"kubeconfig": UNKNOWN})])
    assert not judgement.breaches
    assert not judgement.skipped, "the rule needs to know that it is named, not what it says"
