"""Buckets are reachable by nobody outside the account, and over TLS only."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field

from policy import aws
from policy.frame import (
    Finding,
    Framework,
    Level,
    Resource,
    Settings,
    Severity,
    StackRule,
    Violation,
    judge_each,
)
from policy.iam import conditions, is_open, principals, statements, texts
from policy.reading import field, sequence, text

_BLOCK: Final = "s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_POLICY: Final = "s3/bucketPolicy:BucketPolicy"
_ACLS: Final = ("s3/bucketAcl:BucketAcl", "s3/bucketAclV2:BucketAclV2")
_EVERYBODY: Final = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")


class BucketSettings(Settings):
    """What closes a bucket."""

    blocks: tuple[str, ...] = Field(
        ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"),
        description="switches of a bucket's public access block that are on",
    )
    public_acls: tuple[str, ...] = Field(
        ("public-read", "public-read-write", "authenticated-read"),
        description="canned access control lists that open a bucket",
    )


def check(resources: Sequence[Resource], settings: BucketSettings) -> Iterator[Finding]:
    """Find buckets without a full public access block, open to anybody, or reachable without TLS."""
    parts = [resource for resource in resources if resource.type not in _BUCKETS]
    for bucket in aws.of_type(resources, *aws.BUCKETS):
        judges = (_blocked, _acls, _policies)
        yield from judge_each(bucket, judges, lambda judge, own=bucket: judge(own, parts, settings))


_BUCKETS: Final = frozenset(f"aws:{each}" for each in aws.BUCKETS)


def _blocked(bucket: Resource, parts: Sequence[Resource], settings: BucketSettings) -> Iterator[Finding]:
    blocks = list(aws.linked(list(aws.of_type(parts, _BLOCK)), "bucket", bucket))
    if not blocks:
        yield Violation(
            bucket,
            "it has no public access block",
            "declare a BucketPublicAccessBlock with all four switches on",
        )
    for block in blocks:
        off = [name for name in settings.blocks if field(block.props, name) is not True]
        if off:
            yield Violation(bucket, f"its public access block leaves {', '.join(off)} off", "set it to true")


def _acls(bucket: Resource, parts: Sequence[Resource], settings: BucketSettings) -> Iterator[Finding]:
    for holder in (bucket, *aws.linked(list(aws.of_type(parts, *_ACLS)), "bucket", bucket)):
        if (canned := text(holder.props, "acl")) in settings.public_acls:
            yield Violation(bucket, f"its access control list is {canned}", "set it to private, or remove it")
        for grant in sequence(holder.props, "accessControlPolicy", "grants"):
            if (text(grant, "grantee", "uri") or "").endswith(_EVERYBODY):
                yield Violation(bucket, "its access control list lets everybody in", "remove that grant")


def _policies(bucket: Resource, parts: Sequence[Resource], _settings: BucketSettings) -> Iterator[Finding]:
    documents = [
        aws.document(policy.props, "policy")
        for policy in aws.linked(list(aws.of_type(parts, _POLICY)), "bucket", bucket)
    ]
    documents.append(aws.document(bucket.props, "policy"))
    if any(is_open(each) for document in documents for each in statements(document, "Allow")):
        yield Violation(
            bucket,
            "its policy lets anybody in",
            "name the principals, or the account or network they come from",
        )
    if not any(_is_tls_only(each) for document in documents for each in statements(document, "Deny")):
        yield Violation(
            bucket,
            "its policy lets requests without TLS pass",
            "deny s3:* to everybody on the bucket and its objects where aws:SecureTransport is false",
        )


def _is_tls_only(statement: Mapping[str, object]) -> bool:
    plain = any(
        operator.startswith("Bool") and key == "aws:securetransport" and values[:1] in (["false"], ["False"])
        for operator, key, values in conditions(statement)
    )
    everybody = any(name == "*" for _, name in principals(statement))
    # Both the bucket (arn) and its objects (arn/*).
    names = texts(statement, "Resource")
    both = "*" in names or {name.endswith("/*") for name in names} == {True, False}
    return plain and everybody and both and "s3:*" in texts(statement, "Action")


RULE: Final = StackRule(
    name="s3-private",
    title="Buckets are closed to everybody outside the account, and reached over TLS only.",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    framework=Framework(
        name="CIS Amazon Web Services Foundations Benchmark", version="3.0.0", specification="2.1.1, 2.1.4"
    ),
    remediation="Give each bucket a BucketPublicAccessBlock with all four switches on and a policy that denies "
    "requests without TLS; make policies from planned names, so that a preview can read them.",
    settings=BucketSettings,
    selects=aws.aws(*aws.BUCKETS, _BLOCK, _POLICY, *_ACLS),
    check=check,
)
