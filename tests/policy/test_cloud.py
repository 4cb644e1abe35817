"""The rules about AWS on recorded inputs: at preview, where identifiers are unknown, and once applied."""

import json
import re
from functools import cache
from pathlib import Path

import pulumi_aws
import pytest

from policy.rules.required_tags import TAGGED
from tests.policy.cloud import (
    CLOUD_BREAKS,
    TENANT,
    Cloud,
    CloudBreak,
    From,
    a_policy,
    an_allowance,
    broken_cloud,
    change,
    cloud,
    in_region,
    tag,
    tls_only,
    trust,
    unprotected,
)
from tests.policy.harness import judge_resources

pytestmark = pytest.mark.policy

WHEN = pytest.mark.parametrize("applied", [False, True], ids=["at preview", "once applied"])
SDK = Path(pulumi_aws.__file__).parent
BUCKET = "storefleet-production-backups"


def without(*names: str) -> CloudBreak:
    def apply(made: Cloud) -> None:
        for name in names:
            del made.resources[name]

    return apply


def backups_policy(*statements) -> CloudBreak:
    return change("backups-policy", policy=a_policy(*statements))


def role_policy(**statement) -> CloudBreak:
    return change("objects", policy=a_policy(an_allowance(**statement)))


def added(name: str, type_: str, **inputs) -> CloudBreak:
    return lambda made: made.add(name, type_, **inputs)


def trusting(condition) -> CloudBreak:
    principal = {"Federated": "arn:aws:iam::1:oidc-provider/oidc.example"}
    document = trust(Principal=principal, Action="sts:AssumeRoleWithWebIdentity", Condition=condition)
    return change("archiver", assumeRolePolicy=document)


def network_addon(**values) -> CloudBreak:
    return change("network", configurationValues=json.dumps(values))


def endpoint(**fields) -> CloudBreak:
    return lambda made: made["cluster"]["vpcConfig"].update(fields)


def copy_to(vault: str) -> CloudBreak:
    return lambda made: made["plan"]["rules"][0]["copyActions"][0].update(destinationVaultArn=vault)


def disk(**fields) -> CloudBreak:
    mapped = [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 50, **fields}}]
    return change("node", blockDeviceMappings=mapped)


SUB = {"oidc.example:sub": "system:serviceaccount:t-acorn:*", "oidc.example:aud": "sts.amazonaws.com"}
PUBLIC = an_allowance(Principal="*", Action="s3:GetObject", Resource=f"arn:aws:s3:::{BUCKET}/*")
GRANT = {"grantee": {"type": "Group", "uri": "http://acs.amazonaws.com/groups/global/AllUsers"}}
WORLD = {"protocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["0.0.0.0/0"]}
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
AURORA = {
    "engine": "aurora-postgresql",
    "storageEncrypted": True,
    "kmsKeyId": From("key", "arn"),
    "dbClusterParameterGroupName": From("tls"),
    "deletionProtection": True,
    "finalSnapshotIdentifier": "x",
    "backupRetentionPeriod": 35,
    "tags": TENANT,
}

CASES: list[tuple[str, CloudBreak, str]] = [
    *((rule, broken, "") for rule, broken in CLOUD_BREAKS.items()),
    ("s3-private", without("replica-block"), "has no public access block"),
    ("s3-private", without("backups-policy"), "lets requests without TLS pass"),
    ("s3-private", backups_policy(PUBLIC, tls_only(BUCKET)), "its policy lets anybody in"),
    ("s3-private", backups_policy({**tls_only(BUCKET), "Action": "s3:GetObject"}), "without TLS"),
    ("s3-private", backups_policy({**tls_only(BUCKET), "Resource": f"arn:aws:s3:::{BUCKET}"}), "without TLS"),
    (
        "s3-private",
        backups_policy({**tls_only(BUCKET), "Principal": {"AWS": "arn:aws:iam::1:root"}}),
        "without TLS",
    ),
    (
        "s3-private",
        added("acl", "s3/bucketAcl:BucketAcl", bucket=From("backups"), acl="public-read"),
        "public-read",
    ),
    (
        "s3-private",
        added(
            "acl", "s3/bucketAcl:BucketAcl", bucket=From("backups"), accessControlPolicy={"grants": [GRANT]}
        ),
        "lets everybody in",
    ),
    ("encryption-at-rest", change("database", storageEncrypted=None), "it is not encrypted"),
    ("encryption-at-rest", change("files", kmsKeyId="alias/aws/elasticfilesystem"), "a key that AWS manages"),
    ("encryption-at-rest", change("cache", atRestEncryptionEnabled=False), "it is not encrypted"),
    ("encryption-at-rest", change("password", kmsKeyId=None), "it uses a key that AWS manages"),
    ("encryption-at-rest", without("backups-encryption"), "its objects are encrypted with a key that AWS"),
    (
        "encryption-at-rest",
        change(
            "backups-encryption", rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
        ),
        "set sseAlgorithm to aws:kms",
    ),
    ("encryption-at-rest", change("cluster", encryptionConfig=None), "its Secrets are not encrypted"),
    ("encryption-at-rest", disk(encrypted="true"), "blockDeviceMappings[0] is not encrypted"),
    ("encryption-at-rest", change("node", blockDeviceMappings=None), "the account's default encryption"),
    ("rds-guard", change("database", publiclyAccessible=True), "it has a public address"),
    ("rds-guard", change("database", deletionProtection=False), "anybody with access can delete it"),
    ("rds-guard", change("database", skipFinalSnapshot=True), "nothing is left of it"),
    ("rds-guard", change("database", finalSnapshotIdentifier=None), "nothing is left of it"),
    ("rds-guard", change("database", parameterGroupName=None), "connections without TLS"),
    (
        "rds-guard",
        change("tls", parameters=[{"name": "rds.force_ssl", "value": "0"}]),
        "connections without TLS",
    ),
    ("rds-guard", change("database", multiAz=False), "it runs in one zone"),
    ("backup-enabled", without("selection"), "no plan backs it up"),
    ("backup-enabled", change("selection", planId="of-another-program"), "kept for less than 35 days"),
    (
        "backup-enabled",
        change("plan", rules=[{"ruleName": "x", "lifecycle": {"deleteAfter": 7}}]),
        "less than 35",
    ),
    ("backup-enabled", change("selection", resources=["*"], notResources=[From("files", "arn")]), "no plan"),
    ("data-residency", tag("files", "residency", None), "does not say in which jurisdiction"),
    ("data-residency", tag("files", "residency", "ch"), "it is in eu-central-1, outside its jurisdiction"),
    ("data-residency", change("files", region="us-east-1"), "it is in us-east-1"),
    ("data-residency", copy_to("arn:aws:backup:us-east-1:1:backup-vault:x"), "copies data to us-east-1"),
    ("data-residency", tag("plan", "residency", "uk"), "copies data to eu-west-1"),
    ("data-residency", tag("plan", "residency", None), "copies backups and does not say"),
    (
        "data-residency",
        change("replication", rules=[{"destination": {"bucket": "arn:aws:s3:::somewhere-else"}}]),
        "where this program cannot tell",
    ),
    ("data-residency", tag("backups", "residency", "uk"), "copies data to eu-west-1"),
    (
        "data-residency",
        added(
            "copy",
            "efs/replicationConfiguration:ReplicationConfiguration",
            sourceFileSystemId=From("files"),
            destination={"region": "us-west-2"},
        ),
        "copies data to us-west-2",
    ),
    (
        "data-residency",
        change("database", replicateSourceDb="arn:aws:rds:us-east-1:1:db:north"),
        "replicateSourceDb names something in us-east-1",
    ),
    ("stateful-protected", unprotected("key"), "the next run may delete it"),
    ("stateful-protected", change("backups", forceDestroy=True), "deleted with everything in it"),
    ("eks-baseline", endpoint(publicAccessCidrs=["0.0.0.0/0"]), "open to every address"),
    ("eks-baseline", endpoint(publicAccessCidrs=[]), "open to every address"),
    ("eks-baseline", endpoint(endpointPrivateAccess=False), "nodes reach its API over the internet"),
    ("eks-baseline", change("cluster", accessConfig=None), "decided by a ConfigMap"),
    ("eks-baseline", change("cluster", enabledClusterLogTypes=["api"]), "no audit, authenticator log"),
    ("eks-baseline", without("network"), "nothing carries out its network policies"),
    (
        "eks-baseline",
        network_addon(env={"NETWORK_POLICY_ENFORCING_MODE": "strict"}),
        "ignores network policies",
    ),
    ("iam-sg-scoped", role_policy(Action="*", Resource="arn:aws:s3:::x"), "allows every action"),
    ("iam-sg-scoped", role_policy(NotAction="iam:*", Resource="*"), "allows every action"),
    ("iam-sg-scoped", role_policy(Action=["s3:*"], Resource="*"), "all of a service on every resource"),
    ("iam-sg-scoped", change("shop", managedPolicyArns=[ADMIN]), "it gives AdministratorAccess"),
    (
        "iam-sg-scoped",
        added("admin", "iam/rolePolicyAttachment:RolePolicyAttachment", role=From("shop"), policyArn=ADMIN),
        "it gives AdministratorAccess",
    ),
    (
        "iam-sg-scoped",
        change(
            "shop", inlinePolicies=[{"name": "x", "policy": a_policy(an_allowance(Action="*", Resource="*"))}]
        ),
        "inlinePolicies allows every action",
    ),
    (
        "iam-sg-scoped",
        change("shop", assumeRolePolicy=trust(Principal={"AWS": "*"})),
        "anybody may take it on",
    ),
    ("iam-sg-scoped", trusting({}), "any workload of the cluster may take it on"),
    ("iam-sg-scoped", trusting({"StringLike": SUB}), "any workload of the cluster may take it on"),
    ("iam-sg-scoped", trusting({"StringEquals": SUB}), "any workload of the cluster may take it on"),
    ("iam-sg-scoped", change("edge", ingress=[WORLD]), "ingress[0] opens a port to every address"),
    ("iam-sg-scoped", change("https", securityGroupId="sg-other"), "opens a port to every address"),
    (
        "iam-sg-scoped",
        added(
            "ssh",
            "ec2/securityGroupRule:SecurityGroupRule",
            type="ingress",
            securityGroupId=From("edge"),
            **{**WORLD, "cidrBlocks": [], "ipv6CidrBlocks": ["::/0"]},
        ),
        "opens a port to every address",
    ),
    (
        "no-cross-tenant-ref",
        change(
            "archiver",
            assumeRolePolicy=trust(
                Principal={"Federated": "arn:aws:iam::1:oidc-provider/oidc.example"},
                Condition={
                    "StringEquals": {
                        "oidc.example:sub": "system:serviceaccount:t-birch:backup",
                        "oidc.example:aud": "sts.amazonaws.com",
                    }
                },
            ),
        ),
        "trusts backup in t-birch",
    ),
    ("required-tags", tag("files", "tier", None), "lacks the tags storefleet.dev/tier"),
    ("required-tags", tag("logs", "role", None), "no tag says whose it is"),
    ("required-tags", change("key", tags=None), "lacks the tags storefleet.dev/environment"),
]
IDS = [f"{rule}: {problem or 'first'}" for rule, _, problem in CASES]


@WHEN
def test_the_compliant_program_breaks_no_rule_and_none_gives_up(applied):
    judgement = judge_resources(cloud().judged(applied=applied))
    assert not judgement.said, "a compliant program would be refused"
    assert not judgement.skipped, "a preview would let pass what it could not see"


@WHEN
@pytest.mark.parametrize(("rule", "broken", "problem"), CASES, ids=IDS)
def test_a_program_broken_in_one_place_is_refused_by_that_rule_alone(rule, broken, problem, applied):
    made = broken_cloud(broken)
    judgement = judge_resources(made.judged(applied=applied))
    assert rule in judgement.rules, "it passes"
    assert judgement.rules == {rule}, judgement.messages
    assert any(problem in message for message in judgement.messages), judgement.messages
    assert not judgement.skipped
    for _, message, urn in judgement.said:
        named, _, rest = message.partition(": ")
        assert named.rpartition(" ")[2] in made.resources, "nobody can tell which resource is meant"
        assert " Fix: " in rest
        assert urn.endswith(f"::{named.rpartition(' ')[2]}")


def test_a_waived_breach_is_let_pass_until_the_waiver_expires():
    waiver = "owner=ops@acorn.example expires={} reason=The key moves with the account."
    for day, refused in (("2026-11-23", set()), ("2026-11-22", {"encryption-at-rest", "waivers-valid"})):
        made = broken_cloud(
            CLOUD_BREAKS["encryption-at-rest"],
            tag("logs", "waive-encryption-at-rest", waiver.format(day)),
        )
        assert judge_resources(made.judged(applied=False)).rules == refused


def test_an_aurora_cluster_needs_a_second_instance_or_a_class_of_three_zones():
    selected = change("selection", resources=["*"])
    cluster = added("aurora", "rds/cluster:Cluster", protect=True, **AURORA)
    assert judge_resources(broken_cloud(selected, cluster).judged(applied=False)).rules == {"rds-guard"}
    classed = change("aurora", dbClusterInstanceClass="db.r8gd.large")
    assert not judge_resources(broken_cloud(selected, cluster, classed).judged(applied=False)).breaches
    member = {"clusterIdentifier": From("aurora"), "engine": "aurora-postgresql", "tags": TENANT}
    members = [added(f"member-{i}", "rds/clusterInstance:ClusterInstance", **member) for i in (1, 2)]
    assert not judge_resources(broken_cloud(selected, cluster, *members).judged(applied=False)).breaches


def test_a_database_outside_production_may_be_in_one_zone_and_keep_backups_for_a_week():
    made = broken_cloud(
        change("database", multiAz=False, backupRetentionPeriod=7), tag("database", "environment", "staging")
    )
    assert not judge_resources(made.judged(applied=False)).breaches


def test_a_policy_that_is_not_known_yet_is_undecided_and_said_to_be():
    made = broken_cloud(change("backups-policy", policy=From("backups")))
    judgement = judge_resources(made.judged(applied=False))
    assert not judgement.breaches
    assert "policy of backups" in judgement.skipped["s3-private"]


def test_the_default_region_of_a_shell_is_no_region():
    judgement = judge_resources(broken_cloud(in_region("files", None)).judged(applied=False))
    assert {"data-residency", "explicit-provider"} == judgement.rules


@cache
def names_in_the_sdk(type_: str) -> frozenset[str]:
    """Return the names of a resource's inputs, read from the text of the SDK: importing it takes seconds."""
    folder, _, rest = type_.partition("/")
    module, _, _ = rest.partition(":")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", module).lower()
    text = (SDK / folder / f"{name}.py").read_text(encoding="utf-8")
    assert f"'aws:{type_}'" in text, f"the SDK has no {type_}"
    inputs = text.partition("@pulumi.input_type")[2].partition("@pulumi.input_type")[0]
    found = re.findall(r'@pulumi\.getter(?:\(name="(\w+)"\))?\s+def (\w+)', inputs)
    return frozenset(named or plain for named, plain in found)


def test_the_recorded_inputs_have_the_names_that_the_sdk_sends():
    for name, recorded in cloud().resources.items():
        unknown = recorded.inputs.keys() - names_in_the_sdk(recorded.type)
        assert not unknown, f"{name}: a rule is tried on {unknown}, which no program can send"


def test_what_must_be_tagged_is_something_that_the_sdk_has_and_that_takes_tags():
    assert TAGGED
    for type_ in TAGGED:
        assert "tags" in names_in_the_sdk(type_), f"{type_} would be refused for ever"
