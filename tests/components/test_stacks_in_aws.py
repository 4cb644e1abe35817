"""The four stacks in AWS: what each consists of is on file, and every rule of the policy pack holds over it."""

import shutil
from dataclasses import replace
from functools import cache

import pytest
from pulumi_policy import PolicyProviderResource

from components.database.images import PGBOUNCER, POSTGRES, VALKEY
from tests.components.golden import check_golden
from tests.components.recorder import computed
from tests.components.samples import RECOVERY
from tests.components.stacks import IN_AWS, ROOT, run_stack
from tests.components.stateful import identities
from tests.policy.harness import TODAY, Judged, judge_resources, urn_of

pytestmark = [pytest.mark.unit, pytest.mark.policy]


VERIFIED = [image.partition("@")[2] for image in (POSTGRES, PGBOUNCER, VALKEY, RECOVERY["image"])]
CONFIGURED = {"image-signed": {"digests": VERIFIED}}
"""The digests stand for the lock of whoever has verified them: the committed one is empty, and production is refused
until then."""


@pytest.fixture(autouse=True)
def _only_aws(monkeypatch):
    monkeypatch.setattr("spec.fleet.current_day", lambda: TODAY)
    for variable in ("STOREFLEET_KUBECONFIG", "STOREFLEET_AWS_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)


@cache
def recorded(stack):
    return run_stack(stack)


@pytest.mark.golden
@pytest.mark.parametrize("stack", IN_AWS)
def test_every_resource_of_a_stack_is_on_file(stack):
    recorder = recorded(stack)
    assert recorder.duplicates() == [], "the engine refuses a program that registers a URN twice"
    check_golden(
        f"{stack}.inventory.txt",
        "type | name | parent | protect\n" + "\n".join(recorder.inventory()) + "\n",
        "a line that vanished is a resource that an upgrade deletes: it needs an alias and a note.",
    )


@pytest.mark.golden
@pytest.mark.parametrize("stack", IN_AWS)
def test_nothing_that_holds_data_would_be_replaced(stack):
    rows = identities(recorded(stack).registered)
    assert len(rows) > 20, "this would guard next to nothing"
    check_golden(
        f"{stack}.stateful.txt",
        "type | name | provider | what it cannot change\n" + "\n".join(rows) + "\n",
        "a line that changed or vanished is something that is made anew, EMPTY: move the data first, in a pull request "
        "of its own.",
    )


def test_a_bucket_under_another_name_is_noticed():
    (bucket,) = [one for one in recorded("dev").registered if one.name == "storage/files/bucket"]
    renamed = replace(bucket, inputs={**bucket.inputs, "bucket": "another"})
    assert identities([bucket]) != identities([renamed]), "the replacement of a bucket would pass"


def judged(recorder):
    """Return the recorded resources as the engine shows them once they are applied."""
    regions = {
        one.name: one.inputs["region"] for one in recorder.registered if one.type == "pulumi:providers:aws"
    }
    for one in recorder.registered:
        reference = one.provider.split("::")
        provider = None
        if one.provider:
            kind, name = reference[2], reference[3]
            provider = PolicyProviderResource(kind, {}, urn_of(kind, name), name)
        props = dict(one.inputs)
        if one.type.startswith("aws:"):
            region = regions[reference[3]]
            props = {"id": f"{one.name}-id", **computed(one.type, one.name, one.inputs, region), **props}
        yield Judged(one.type, one.name, props, provider, one.protect)


@pytest.mark.parametrize("stack", IN_AWS)
def test_every_rule_holds_over_a_stack(stack):
    resources = list(judged(recorded(stack)))
    assert len(resources) > 100, "the rules would judge next to nothing"
    judgement = judge_resources(resources, CONFIGURED)
    assert judgement.breaches == []
    assert judgement.skipped == {}, "a rule that was skipped holds over nothing"


def test_production_is_refused_until_somebody_has_verified_the_images():
    judgement = judge_resources(judged(recorded("production")), only="image-signed")
    assert judgement.rules == {"image-signed"}, "what nobody looked at would run for customers"


@pytest.mark.parametrize("stack", IN_AWS)
def test_everything_goes_through_a_provider_that_the_program_names(stack):
    for one in recorded(stack).registered:
        if not one.type.startswith(("pulumi:", "storefleet:")):
            assert one.provider, f"{one.name} might be created wherever the shell points to"


@pytest.mark.parametrize("stack", IN_AWS)
def test_tags_and_names_are_ones_that_aws_takes(stack):
    for one in recorded(stack).registered:
        if not one.type.startswith("aws:"):
            continue
        for key, value in (one.inputs.get("tags") or {}).items():
            assert len(key) <= 128, f"{one.name}: AWS refuses the tag {key}"
            assert len(value) <= 256, f"{one.name}: AWS refuses the value of {key}"
        if one.type == "aws:iam/role:Role":
            assert len(one.inputs["name"]) <= 64, f"{one.name}: IAM refuses the name"


def test_a_stack_exports_where_things_are_and_nothing_secret():
    exported = recorded("production").exports
    assert exported["cells"]["eu-1"] == "cell-eu-1"
    assert exported["aws"]["region"] == "eu-central-1"
    told = set(exported["aws"])
    assert told >= {
        "account",
        "balancer",
        "buckets",
        "caches",
        "cluster",
        "nameServers",
        "registry",
        "vault",
        "vpc",
    }
    assert exported["aws"]["buckets"]["files"] == "storefleet-production-files-111122223333-eu-central-1"
    assert set(exported["aws"]["cluster"]) == {"name", "endpoint", "kubeconfig", "interruptionQueue"}, (
        "whatever is added here anybody reads who may read the stack: nothing secret"
    )


def test_production_makes_keys_and_copies_in_the_second_region_and_nothing_of_a_tenant_under_another_law():
    registered = recorded("production").registered
    far = {one.type for one in registered if "::aws-far::" in one.provider}
    assert "aws:s3/bucket:Bucket" in far
    tenants = {one.inputs.get("tags", {}).get("storefleet.dev/tenant") for one in registered}
    assert "solvane-paris" in tenants
    assert not {"solvane-london", "solvane-geneva"} & tenants, "data would leave their jurisdiction"


def test_a_second_region_that_is_switched_on_takes_the_passwords_that_were_replicated(tmp_path):
    for folder in ("stacks", "tenants", "calendars"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "__main__.py", tmp_path)
    stack = tmp_path / "stacks/Pulumi.dr.yaml"
    stack.write_text(stack.read_text(encoding="utf-8").replace("standby: pilot-light", "standby: active"))
    awake = run_stack("dr", tmp_path)
    users = [one for one in awake.registered if one.type == "aws:elasticache/user:User"]
    assert users, "nobody could sign in to a cache"
    asleep = {one.name for one in recorded("dr").registered}
    assert asleep < {one.name for one in awake.registered}, "switching on would take something away"
    own = {one.name for one in awake.registered if one.type == "aws:secretsmanager/secret:Secret"}
    assert all(name.startswith("caches/host-") for name in own), (
        "a password would be another one than the data has"
    )


def test_a_given_kubeconfig_stands_for_eks_while_aws_is_made_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "kubeconfig").write_text("clusters: []")
    monkeypatch.setenv("STOREFLEET_KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("local.kube.KubeApi", _Empty)
    rehearsed = run_stack("dev")
    assert rehearsed.named("cluster").inputs["kubeconfig"] == str(tmp_path / "kubeconfig")
    assert rehearsed.inventory() == recorded("dev").inventory(), "the rehearsal would be of something else"


class _Empty:
    """An API server that holds no tenant."""

    def __init__(self, kubeconfig, context=None):
        pass

    def items(self, path, **query):
        return []
