"""Who may use the buckets: nobody without TLS, and the services that write into them by their own."""

from collections.abc import Sequence

from components.iam import Statement, document, statement
from components.keys.plan import trail_arn
from spec.aws import AwsSpec
from spec.cloud_names import key_alias
from spec.environment import EnvironmentSpec

AUDIT_PREFIX = "audit"
"""Where the record of who did what stands in the bucket of logs."""

_EVERYBODY = {"AWS": "*"}


def bucket_policy(bucket: str, *further: Statement) -> str:
    """Return the policy of a bucket: it opens nothing, and closes what IAM elsewhere may have opened."""
    both = (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*")
    return document(
        Statement(
            sid="OnlyByTls",
            effect="Deny",
            actions=("s3:*",),
            resources=both,
            principal=_EVERYBODY,
            condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
        Statement(
            sid="NoOldTls",
            effect="Deny",
            actions=("s3:*",),
            resources=both,
            principal=_EVERYBODY,
            condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        ),
        # Who names no encryption gets the bucket's own key; who names another kind would get around it.
        Statement(
            sid="NoOtherEncryption",
            effect="Deny",
            actions=("s3:PutObject",),
            resources=both[1:],
            principal=_EVERYBODY,
            condition={
                "Null": {"s3:x-amz-server-side-encryption": "false"},
                "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
            },
        ),
        *further,
    )


def trail_writes(environment: EnvironmentSpec, aws: AwsSpec, bucket: str) -> tuple[Statement, ...]:
    """Return what the record of who did what needs to write into a bucket: this trail, and no other."""
    trail = trail_arn(environment, aws)
    service = {"Service": "cloudtrail.amazonaws.com"}
    return (
        Statement(
            sid="TrailLooks",
            actions=("s3:GetBucketAcl",),
            resources=(f"arn:aws:s3:::{bucket}",),
            principal=service,
            condition={"StringEquals": {"aws:SourceArn": trail}},
        ),
        Statement(
            sid="TrailWrites",
            actions=("s3:PutObject",),
            resources=(f"arn:aws:s3:::{bucket}/{AUDIT_PREFIX}/AWSLogs/{aws.account}/*",),
            principal=service,
            condition={"StringEquals": {"aws:SourceArn": trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    )


def replication_rights(
    environment: EnvironmentSpec, aws: AwsSpec, far: str, pairs: Sequence[tuple[str, str, str]]
) -> str:
    """Return the rights of the role that copies objects.

    Args:
        environment: the environment.
        aws: its AWS side.
        far: the region that is copied to.
        pairs: source bucket, target bucket and purpose of the key (the same on both sides) of each copy.

    """
    sources = tuple(f"arn:aws:s3:::{source}" for source, _, _ in pairs)
    targets = tuple(f"arn:aws:s3:::{target}/*" for _, target, _ in pairs)
    aliases = tuple(dict.fromkeys(key_alias(environment, purpose) for _, _, purpose in pairs))
    return document(
        statement("ReadConfiguration", ("s3:GetReplicationConfiguration", "s3:ListBucket"), sources),
        statement(
            "ReadSources",
            (
                "s3:GetObjectLegalHold",
                "s3:GetObjectRetention",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionTagging",
            ),
            tuple(f"{source}/*" for source in sources),
        ),
        statement("WriteCopies", ("s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"), targets),
        _key("OpenSources", ("kms:Decrypt",), aws, aws.region, aliases),
        _key("CloseCopies", ("kms:Encrypt", "kms:GenerateDataKey"), aws, far, aliases),
    )


def _key(
    sid: str, actions: tuple[str, ...], aws: AwsSpec, region: str, aliases: tuple[str, ...]
) -> Statement:
    return statement(
        sid,
        actions,
        (f"arn:aws:kms:{region}:{aws.account}:key/*",),
        condition={
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases},
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
        },
    )
