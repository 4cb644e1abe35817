"""What the AWS components register: with which provider, how protected, and what the policy pack says of it."""

from dataclasses import replace

import pytest

from tests.aws import samples
from tests.aws.recording import AWS, PASSWORD, judged
from tests.aws.whole import recorded
from tests.policy.harness import judge_resources

pytestmark = [pytest.mark.unit, pytest.mark.policy]

PRODUCTION = samples.environment()
ENVIRONMENTS = {
    "production": PRODUCTION,
    "dr": samples.second(),
    "staging": samples.environment("staging", dr_region=None, standby_host=None, cache="pod"),
    "uk": samples.environment(law="uk", region="eu-west-2", dr_region=None, standby_host=None),
}


@pytest.fixture(scope="module")
def production():
    return recorded(PRODUCTION, samples.tenants())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_resource_passes_the_policy_pack(name):
    judgement = judge_resources(judged(recorded(ENVIRONMENTS[name], samples.tenants())))
    assert judgement.messages == [], "an `up` of this environment would be refused"
    assert judgement.skipped == {}, "a rule could not be run, so nobody knows whether it holds"


def test_the_pack_does_see_what_is_recorded(production):
    broken = [
        one if not one.name.endswith("backups/closed") else _with(one, restrictPublicBuckets=False)
        for one in judged(production)
    ]
    judgement = judge_resources(broken)
    assert judgement.rules == {"s3-private"}, (
        "the recorded resources reach no rule: the tests above prove nothing"
    )


def _with(one, **changes):
    return replace(one, props={**one.props, **changes})


def test_nothing_is_registered_twice(production):
    assert production.duplicates() == [], "the engine refuses a program that registers a URN twice"


def test_everything_goes_through_an_explicit_provider(production):
    for one in production.registered:
        if one.type.startswith(("aws:", "random:")):
            assert "::near::" in one.provider or "::far::" in one.provider or "::random::" in one.provider, (
                f"{one.name} would be created wherever the shell points to"
            )


def test_only_what_is_meant_for_it_stands_in_the_second_region(production):
    far = {one.name for one in production.registered if "::far::" in one.provider}
    assert far, "the second region has nothing: it could take over nothing"
    for name in far:
        assert "/far-" in name or name.endswith("-replica"), f"{name} would be made in the wrong region"


def test_no_password_stands_outside_a_secret_of_the_engine(production):
    seen = [one.name for one in production.registered if PASSWORD in str(one.inputs)]
    assert len(seen) >= 8, "the passwords reach nothing: this test would pass whatever happened to them"
    for urn, text in production.clear.items():
        assert PASSWORD not in text, f"the password would be shown and stored in the clear: {urn}"
    assert PASSWORD not in str(production.outputs), "the password would be shown as an output"


def test_a_tenant_more_touches_only_its_own_and_its_cells_users(production):
    newcomer = samples.samples.tenant("newcomer", domains=["newcomer.storefleet.example"])
    more = recorded(PRODUCTION, (*samples.tenants(), newcomer))
    before = {one.urn: one.inputs for one in production.registered if one.type != AWS}
    after = {one.urn: one.inputs for one in more.registered if one.type != AWS}
    assert before.keys() <= after.keys(), "a tenant more would remove something"
    changed = {urn.rpartition("::")[2] for urn in before if before[urn] != after[urn]}
    assert changed == {"cache/shared-users"}, "a tenant more would change what others depend on"
    added = {urn.rpartition("::")[2] for urn in after.keys() - before.keys()}
    assert added, "the tenant got nothing"
    assert all("newcomer" in name for name in added), added


def test_certificates_of_acm_are_proved_before_the_balancer_uses_them():
    made = recorded(PRODUCTION, samples.tenants(), certificates="acm")
    listener = made.named("edge/balancer/listener")
    assert listener.inputs["protocol"] == "TLS"
    sources = {urn.rpartition("::")[2] for urn in made.sources[listener.urn]["certificateArn"]}
    assert "edge/certificate-ingress/proved" in sources, (
        "the listener would get a certificate that is not valid yet"
    )
    assert judge_resources(judged(made)).messages == []
