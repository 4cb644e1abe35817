"""Who may do what in AWS: each tenant its own objects and no other's, each person what the role is for."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.iam import assume_by_pod
from components.identity.component import People, PeopleArgs, Workloads, WorkloadsArgs
from components.identity.plan import plan_identity
from components.identity.workloads import operator_rights
from components.operators.catalogue import CATALOGUE
from spec.kubernetes import HumanRole
from spec.naming import tenant_namespace
from spec.tiers import RETENTION
from spec.vocabulary import TenantState
from tests.components import aws_samples, samples
from tests.components.iam_decisions import allows, trusts
from tests.components.recorder import record

pytestmark = pytest.mark.unit

ENVIRONMENT = aws_samples.environment()
OPERATORS = {each.name: (each.namespace, each.service_account) for each in CATALOGUE if each.service_account}
PLAN = plan_identity(ENVIRONMENT, samples.fleet().tenants, OPERATORS)
ROLES = {role.key: role for role in PLAN.roles}
PEOPLE = {person.role: person for person in PLAN.people}
CLUSTER = "arn:aws:eks:eu-central-1:111122223333:cluster/storefleet-production"
FILES = "arn:aws:s3:::storefleet-production-files-111122223333-eu-central-1"
BACKUPS = "arn:aws:s3:::storefleet-production-backups-111122223333-eu-central-1"
EVIDENCE = "arn:aws:s3:::storefleet-production-evidence-111122223333-eu-central-1"
PODS = "pods.eks.amazonaws.com"

tenant_ids = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True)
object_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def session(namespace):
    return {"aws:PrincipalTag/kubernetes-namespace": namespace}


@given(tenant_ids, tenant_ids, object_names)
def test_one_role_for_all_tenants_reaches_each_time_one_tenants_objects_only(own, other, name):
    assume(tenant_namespace(own) != tenant_namespace(other))
    policy, mine, others = ROLES["tenant-files"].policy, tenant_namespace(own), tenant_namespace(other)
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert allows(policy, action, f"{FILES}/{mine}/{name}", session(mine)), "the shop loses its pictures"
        assert not allows(policy, action, f"{FILES}/{others}/{name}", session(mine)), (
            f"{own} reads {other}'s files"
        )


@given(tenant_ids, tenant_ids)
def test_no_tenant_sees_the_names_of_anothers_objects(own, other):
    assume(tenant_namespace(own) != tenant_namespace(other))
    policy, mine = ROLES["tenant-files"].policy, tenant_namespace(own)
    listing = {"s3:prefix": f"{tenant_namespace(other)}/"}
    assert not allows(policy, "s3:ListBucket", FILES, session(mine) | listing)
    assert allows(policy, "s3:ListBucket", FILES, session(mine) | {"s3:prefix": f"{mine}/a"})
    assert not allows(policy, "s3:ListBucket", FILES, session(mine) | {"s3:prefix": ""}), (
        "all names would be told"
    )


REMAINING = "s3:object-lock-remaining-retention-days"
"""Days from now that a lock would end after."""


@given(tenant_ids, tenant_ids, object_names)
def test_a_backup_job_reads_and_locks_versions_of_its_own_tenant_only(own, other, name):
    assume(tenant_namespace(own) != tenant_namespace(other))
    policy, mine, others = ROLES["tenant-backups"].policy, tenant_namespace(own), tenant_namespace(other)
    asking = session(mine) | {REMAINING: "30"}
    for action in ("s3:GetObjectVersion", "s3:GetObjectRetention", "s3:PutObjectRetention"):
        assert allows(policy, action, f"{BACKUPS}/{mine}/{name}", asking), (
            "a backup would end with access denied in the one bucket that matters"
        )
        assert not allows(policy, action, f"{BACKUPS}/{others}/{name}", asking), f"{own} reaches {other}'s"
        assert not allows(policy, action, f"{FILES}/{mine}/{name}", asking), "files are not backups"
        assert not allows(policy, action, f"{BACKUPS}/{mine}/{name}", {REMAINING: "30"})


def test_a_backup_job_learns_how_the_bucket_locks_and_may_not_change_it():
    policy, asking = ROLES["tenant-backups"].policy, session("t-acme")
    assert allows(policy, "s3:GetBucketObjectLockConfiguration", BACKUPS, asking)
    assert not allows(policy, "s3:GetBucketObjectLockConfiguration", BACKUPS, {})
    for action in (
        "s3:PutBucketObjectLockConfiguration",
        "s3:BypassGovernanceRetention",
        "s3:PutObjectLegalHold",
    ):
        for resource in (BACKUPS, f"{BACKUPS}/t-acme/a"):
            assert not allows(policy, action, resource, asking | {REMAINING: "1"}), f"{action} is for nobody"


def test_no_lock_outlasts_the_longest_retention():
    longest = max(kept.days for kept in RETENTION.values())
    policy, place = ROLES["tenant-backups"].policy, f"{BACKUPS}/t-acme/a"

    def locked(days):
        return allows(policy, "s3:PutObjectRetention", place, session("t-acme") | {REMAINING: str(days)})

    assert locked(longest)
    assert locked(longest + 1), "S3 rounds a day that has begun up"
    assert not locked(longest + 2), (
        "the account would pay for it, and the law to erase be broken, for that long"
    )


@pytest.mark.parametrize("role", ["tenant-files", "cell-backups"])
def test_whoever_is_no_backup_job_locks_nothing(role):
    context = session("t-acme") | {REMAINING: "1"}
    for bucket in (FILES, BACKUPS):
        assert not allows(ROLES[role].policy, "s3:PutObjectRetention", f"{bucket}/t-acme/a", context)


@pytest.mark.parametrize("key", ["tenant-files", "tenant-backups", "cell-backups"])
@pytest.mark.parametrize("place", ["/a", "t-acme/a", "//a"])
def test_a_session_without_its_tag_reaches_nothing(key, place):
    for bucket in (FILES, BACKUPS):
        assert not allows(ROLES[key].policy, "s3:GetObject", f"{bucket}/{place}", {})


def test_a_namespace_that_looks_like_a_pattern_is_a_name_and_not_a_pattern():
    assert not allows(ROLES["tenant-files"].policy, "s3:GetObject", f"{FILES}/t-bolt/a", session("t-*"))


def asked(namespace, account, cluster=CLUSTER):
    return {
        "aws:SourceAccount": "111122223333",
        "aws:SourceArn": cluster,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": account,
    }


@pytest.mark.parametrize(
    ("key", "namespace", "account", "given"),
    [
        ("tenant-files", "t-acme", "odoo", True),
        ("tenant-files", "t-acme", "default", False),
        ("tenant-files", "cell-shared", "odoo", False),
        ("tenant-files", "kube-system", "odoo", False),
        ("tenant-backups", "t-acme", "odoo", False),
        ("tenant-backups", "t-acme", "backup", True),
        ("cell-backups", "cell-shared", "postgres", True),
        ("cell-backups", "t-acme", "postgres", False),
        ("cert-manager", "cert-manager", "cert-manager", True),
        ("cert-manager", "t-acme", "cert-manager", False),
        ("external-secrets", "external-secrets", "default", False),
    ],
)
def test_a_role_is_handed_to_the_pods_that_it_is_for_and_to_no_other(key, namespace, account, given):
    assert trusts(ROLES[key].trust, PODS, "sts:AssumeRole", asked(namespace, account)) is given


def test_pods_of_another_cluster_get_no_role():
    other = asked("t-acme", "odoo", CLUSTER.replace("production", "staging"))
    assert not trusts(ROLES["tenant-files"].trust, PODS, "sts:AssumeRole", other)


def test_every_association_is_one_that_its_role_trusts():
    assert len(PLAN.associations) >= 8 + 4 + 5
    for each in PLAN.associations:
        request = asked(each.namespace, each.service_account)
        assert "*" not in each.namespace + each.service_account, f"{each.key} would be for many"
        assert trusts(ROLES[each.role].trust, PODS, "sts:TagSession", request), f"{each.key} gets nothing"


def test_a_tenant_more_adds_associations_and_changes_nothing_else():
    more = plan_identity(ENVIRONMENT, (*samples.fleet().tenants, samples.tenant("extra")), OPERATORS)
    assert replace(more, associations=()) == replace(PLAN, associations=()), (
        "every tenant's rights would change"
    )
    added = set(more.associations) - set(PLAN.associations)
    assert {each.namespace for each in added} == {"t-extra"}
    assert set(PLAN.associations) < set(more.associations)


@pytest.mark.parametrize("state", [TenantState.ARCHIVED, TenantState.PURGED])
def test_a_tenant_at_rest_has_no_identity(state):
    tenant = samples.tenant("gone").model_copy(update={"state": state})
    namespaces = {each.namespace for each in plan_identity(ENVIRONMENT, [tenant], OPERATORS).associations}
    assert "t-gone" not in namespaces


def test_every_operator_that_calls_aws_has_rights_and_no_other_has():
    assert set(operator_rights(ENVIRONMENT)) == set(OPERATORS), (
        "an operator would fail, or keep rights for nothing"
    )


def test_an_operator_of_whose_rights_nothing_is_known_is_an_error():
    with pytest.raises(ValueError, match="no rights are planned for newcomer"):
        plan_identity(ENVIRONMENT, [], {"newcomer": ("newcomer", "newcomer")})


def test_certificates_are_proved_by_one_kind_of_record_only():
    zone = "arn:aws:route53:::hostedzone/Z1"
    kind, name = (
        "route53:ChangeResourceRecordSetsRecordTypes",
        "route53:ChangeResourceRecordSetsNormalizedRecordNames",
    )
    proof = {kind: ["TXT"], name: ["_acme-challenge.www.acme.example"]}
    policy, change = ROLES["cert-manager"].policy, "route53:ChangeResourceRecordSets"
    assert allows(policy, change, zone, proof)
    assert not allows(policy, change, zone, proof | {kind: ["A"]}), (
        "whoever takes it over redirects the shops"
    )
    assert not allows(policy, change, zone, proof | {name: ["www.acme.example"]})


def test_karpenter_ends_only_nodes_of_its_own_cluster():
    node, policy = "arn:aws:ec2:eu-central-1:111122223333:instance/i-1", ROLES["karpenter"].policy
    own = {"aws:ResourceTag/kubernetes.io/cluster/storefleet-production": "owned"}
    assert allows(policy, "ec2:TerminateInstances", node, own)
    assert not allows(policy, "ec2:TerminateInstances", node, {}), "it could end any machine of the account"


# What nobody may do, whatever the emergency: the past must be there when the auditors come.
PAST = [
    ("s3:DeleteObjectVersion", f"{EVIDENCE}/a"),
    ("s3:DeleteObjectVersion", f"{BACKUPS}/a"),
    ("s3:BypassGovernanceRetention", f"{BACKUPS}/a"),
    ("kms:ScheduleKeyDeletion", "arn:aws:kms:eu-central-1:111122223333:key/1"),
    ("backup:DeleteRecoveryPoint", "arn:aws:backup:eu-central-1:111122223333:recovery-point:1"),
    ("cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-central-1:111122223333:trail/storefleet"),
]


@pytest.mark.parametrize("role", list(HumanRole))
@pytest.mark.parametrize(("action", "resource"), PAST)
def test_nobody_may_destroy_backups_keys_or_the_record(role, action, resource):
    assert not allows(PEOPLE[role].policy, action, resource, {})


@pytest.mark.parametrize("role", [HumanRole.OPERATOR, HumanRole.AUDITOR, HumanRole.BREAK_GLASS])
@pytest.mark.parametrize(("action", "resource"), PAST)
def test_it_is_refused_outright_to_whoever_has_much(role, action, resource):
    denied = json.loads(PEOPLE[role].policy)["Statement"][-1] | {"Effect": "Allow"}
    assert allows(json.dumps({"Statement": [denied]}), action, resource, {}), "another policy could allow it"


NODE_GROUP = "arn:aws:eks:eu-central-1:111122223333:nodegroup/storefleet-production/general/1"
IMAGES = "arn:aws:ecr:eu-central-1:111122223333:repository/storefleet-production/odoo"
DUTIES = [
    ("eks:UpdateNodegroupConfig", NODE_GROUP, {HumanRole.OPERATOR, HumanRole.BREAK_GLASS}),
    ("ecr:PutImage", IMAGES, {HumanRole.RELEASE_MANAGER}),
    ("s3:PutObject", f"{EVIDENCE}/a", {HumanRole.RELEASE_MANAGER}),
    ("s3:GetObject", f"{EVIDENCE}/a", {HumanRole.RELEASE_MANAGER, HumanRole.AUDITOR}),
    ("s3:GetObject", f"{BACKUPS}/a", {HumanRole.BREAK_GLASS}),
    ("s3:GetObject", f"{FILES}/t-acme/a", set()),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:x", set()),
    ("iam:CreateRole", "arn:aws:iam::111122223333:role/x", set()),
]


@pytest.mark.parametrize(("action", "resource", "who"), DUTIES)
def test_duties_are_separate(action, resource, who):
    able = {role for role, person in PEOPLE.items() if allows(person.policy, action, resource, {})}
    assert able == who


def test_a_user_takes_on_a_strong_role_only_with_a_fresh_second_factor():
    user = "arn:aws:iam::111122223333:user/kim"
    access = aws_samples.kubernetes()["access"] | {"operator": [user]}
    environment = aws_samples.environment(kubernetes=aws_samples.kubernetes(access=access))
    trust = {each.role: each for each in plan_identity(environment, [], {}).people}[HumanRole.OPERATOR].trust
    fresh = {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "60"}
    assert trusts(trust, user, "sts:AssumeRole", fresh)
    assert not trusts(trust, user, "sts:AssumeRole", {}), "a stolen key would be enough"
    assert not trusts(trust, user, "sts:AssumeRole", fresh | {"aws:MultiFactorAuthAge": "7200"})


def test_the_more_a_role_may_the_shorter_it_lasts():
    order = [HumanRole.DEVELOPER, HumanRole.OPERATOR, HumanRole.BREAK_GLASS]
    assert all(PEOPLE[one].session_seconds > PEOPLE[other].session_seconds for one, other in pairwise(order))


def test_a_trust_policy_for_one_namespace_names_it_exactly():
    trust = assume_by_pod(account="1", cluster=CLUSTER, namespace="loki", service_account="loki")
    assert "StringLike" not in trust, "a pattern would be read where a name is meant"


def test_policies_fit_into_what_iam_takes():
    for each in (*PLAN.roles, *PLAN.people):
        assert len("".join(each.policy.split())) <= 10_240, (
            "IAM refuses inline policies beyond this in one role"
        )
        assert len("".join(each.trust.split())) <= 2_048, "IAM refuses a longer trust policy"


def test_without_a_cluster_there_are_roles_and_no_pods_that_have_them():
    def program():
        People("people", PeopleArgs(plan=PLAN))
        Workloads("workloads", WorkloadsArgs(plan=PLAN, cluster_name=None))

    types = [one.type for one in record(program, stack="dr").registered]
    assert types.count("aws:iam/role:Role") == len(PLAN.roles) + len(PLAN.people)
    assert "aws:eks/podIdentityAssociation:PodIdentityAssociation" not in types
