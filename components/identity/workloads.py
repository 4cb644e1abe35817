"""What the operators that call AWS may do there: each its own, named, and as narrow as AWS allows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.iam import Statement, statement
from components.identity.tenants import by_s3
from components.secrets.plan import CELL_PREFIX, PLATFORM_PREFIX, TENANT_PREFIX
from spec.cloud_names import bucket_name, key_alias, physical
from spec.environment import EnvironmentSpec
from spec.vocabulary import EnvironmentName

_DISCOVERY: Final = (
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the ARNs of an environment begin: names that are known before anything exists."""

    account: str
    region: str
    cluster: str

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def role(self, name: str) -> str:
        """Return the ARN of a role of this account."""
        return f"arn:aws:iam::{self.account}:role/{name}"


def place_of(environment: EnvironmentSpec) -> Place:
    """Return where an environment's ARNs begin; raises `ValueError` without AWS."""
    if environment.aws is None:
        raise ValueError(f"the environment {environment.name.value} has nothing in AWS")
    name = f"storefleet-{environment.name.value}"
    return Place(account=environment.aws.account, region=environment.aws.region, cluster=name)


def operator_rights(environment: EnvironmentSpec) -> Mapping[str, tuple[Statement, ...]]:
    """Return the rights of each operator, by its name in the catalogue of operators."""
    place = place_of(environment)
    return {
        "aws-load-balancer-controller": _balancers(place),
        "cert-manager": _certificates(),
        "external-secrets": _secrets(environment, place),
        "karpenter": _nodes(environment, place),
        "loki": _logs(environment, place),
        "policy-controller": _signatures(environment, place),
    }


def _balancers(place: Place) -> tuple[Statement, ...]:
    """Registering pods with the target groups that this project made; balancers themselves it never makes."""
    targets = place.arn("elasticloadbalancing", f"targetgroup/{place.cluster}*/*")
    return (
        statement(
            "Look",
            (
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ),
            ("*",),
        ),
        statement(
            "Register",
            ("elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"),
            (targets,),
        ),
        # The group of the cluster's nodes is opened to the balancer, and closed again.
        statement(
            "OpenToBalancer",
            ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"),
            (place.arn("ec2", "security-group/*"),),
            condition={"StringEquals": {"aws:ResourceTag/aws:eks:cluster-name": place.cluster}},
        ),
    )


def _certificates() -> tuple[Statement, ...]:
    """Proving to the certificate authority that a name is ours: one kind of record, under one label."""
    return (
        statement(
            "ProveNames",
            ("route53:ChangeResourceRecordSets",),
            ("arn:aws:route53:::hostedzone/*",),
            condition={
                "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ("TXT",)},
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": ("_acme-challenge.*",)
                },
            },
        ),
        statement("FollowChange", ("route53:GetChange",), ("arn:aws:route53:::change/*",)),
        statement("FindZone", ("route53:ListHostedZonesByName",), ("*",)),
        statement("ReadRecords", ("route53:ListResourceRecordSets",), ("arn:aws:route53:::hostedzone/*",)),
    )


def _secrets(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    return (
        statement(
            "ReadSecrets",
            ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
            tuple(
                place.arn("secretsmanager", f"secret:{prefix}*")
                for prefix in (CELL_PREFIX, PLATFORM_PREFIX, TENANT_PREFIX)
            ),
        ),
        statement(
            "KeyOfSecrets",
            ("kms:Decrypt",),
            (place.arn("kms", "key/*"),),
            condition={
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": _aliases(environment, "secrets")},
                "StringEquals": {"kms:ViaService": f"secretsmanager.{place.region}.amazonaws.com"},
            },
        ),
    )


def _aliases(environment: EnvironmentSpec, purpose: str) -> tuple[str, ...]:
    """Return the aliases of a key; the second region has a replica of production's beside its own."""
    own = key_alias(environment, purpose)
    if environment.aws is None or environment.aws.stands_in_for is None:
        return (own,)
    production = EnvironmentName.PRODUCTION.value
    return own, own.replace(f"-{environment.name.value}-", f"-{production}-")


def _signatures(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    """Reading the public half of the key that images are signed with, and the signatures beside the images."""
    return (
        statement(
            "PublicKey",
            ("kms:DescribeKey", "kms:GetPublicKey"),
            (place.arn("kms", "key/*"),),
            condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": _aliases(environment, "signing")}},
        ),
        statement("SignInToRegistry", ("ecr:GetAuthorizationToken",), ("*",)),
        statement(
            "ReadSignatures",
            ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            (place.arn("ecr", "repository/storefleet-*"),),
        ),
    )


def _nodes(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    """Starting and ending nodes of this cluster: what is started carries its tag, and nothing else may be ended."""
    tag = f"aws:RequestTag/kubernetes.io/cluster/{place.cluster}"
    held = f"aws:ResourceTag/kubernetes.io/cluster/{place.cluster}"
    made = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
    given = ("security-group", "subnet")
    start = ("ec2:CreateFleet", "ec2:RunInstances")
    return (
        statement(
            "Look", _DISCOVERY, ("*",), condition={"StringEquals": {"aws:RequestedRegion": place.region}}
        ),
        statement("Prices", ("pricing:GetProducts",), ("*",)),
        statement("Images", ("ssm:GetParameter",), (f"arn:aws:ssm:{place.region}::parameter/aws/service/*",)),
        statement(
            "StartWith",
            start,
            (
                f"arn:aws:ec2:{place.region}::image/*",
                f"arn:aws:ec2:{place.region}::snapshot/*",
                *(place.arn("ec2", f"{kind}/*") for kind in given),
            ),
        ),
        statement(
            "StartFromOwnTemplate",
            start,
            (place.arn("ec2", "launch-template/*"),),
            condition={"StringEquals": {held: "owned"}},
        ),
        statement(
            "StartTagged",
            (*start, "ec2:CreateLaunchTemplate"),
            tuple(place.arn("ec2", f"{kind}/*") for kind in made),
            condition={"StringEquals": {tag: "owned"}},
        ),
        statement(
            "TagWhatStarts",
            ("ec2:CreateTags",),
            tuple(place.arn("ec2", f"{kind}/*") for kind in made),
            condition={
                "StringEquals": {tag: "owned", "ec2:CreateAction": (*_actions(start), "CreateLaunchTemplate")}
            },
        ),
        statement(
            "EndOwn",
            ("ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"),
            (place.arn("ec2", "instance/*"), place.arn("ec2", "launch-template/*")),
            condition={"StringEquals": {held: "owned"}},
        ),
        statement(
            "HearOfInterruptions",
            ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
            (place.arn("sqs", physical(environment, "interruptions")),),
        ),
        statement(
            "KeyOfMessages",
            ("kms:Decrypt",),
            (place.arn("kms", "key/*"),),
            condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": key_alias(environment, "eks")}},
        ),
        statement(
            "GiveNodesTheirRole",
            ("iam:PassRole",),
            (place.role(f"{place.cluster}-node"),),
            condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        statement(
            "Profiles",
            (
                "iam:AddRoleToInstanceProfile",
                "iam:CreateInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:GetInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
                "iam:TagInstanceProfile",
            ),
            (f"arn:aws:iam::{place.account}:instance-profile/{place.cluster}_*",),
        ),
        statement("FindApi", ("eks:DescribeCluster",), (place.arn("eks", f"cluster/{place.cluster}"),)),
    )


def _actions(calls: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(call.partition(":")[2] for call in calls)


def _logs(environment: EnvironmentSpec, place: Place) -> tuple[Statement, ...]:
    bucket = f"arn:aws:s3:::{bucket_name(environment, 'logs')}"
    return (
        statement(
            "Chunks",
            ("s3:DeleteObject", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
            (f"{bucket}/loki/*",),
        ),
        statement(
            "Listing",
            ("s3:ListBucket",),
            (bucket,),
            condition={"StringLike": {"s3:prefix": ("loki/*", "loki")}},
        ),
        by_s3(place.account, place.region, key_alias(environment, "logs")),
    )
