"""What tenants and cells may do with objects: each reaches what stands under the name of its own namespace.

One role serves all tenants. EKS Pod Identity puts the namespace of the pod that asks into the session, as a tag
that nobody in the cluster can set, and the role's policy is written in terms of it. So a tenant more is one
association more, and no policy that grows with the fleet.
"""

from typing import Final

from components.iam import Statement, statement
from spec.naming import tenant_namespace
from spec.tiers import RETENTION

NAMESPACE_TAG: Final = "${aws:PrincipalTag/kubernetes-namespace}"
"""What IAM puts in place of the session's tag when it decides."""

_OBJECTS: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)


def own_objects(bucket: str) -> tuple[Statement, ...]:
    """Return the rights to a namespace's own objects in a bucket (by its name) that many share.

    Deleting is among them: the buckets keep versions, which only time removes.
    """
    arn = f"arn:aws:s3:::{bucket}"
    return (
        statement("OwnObjects", _OBJECTS, (f"{arn}/{NAMESPACE_TAG}/*",), condition=_TAGGED),
        statement(
            "OwnListing",
            ("s3:ListBucket",),
            (arn,),
            condition={**_TAGGED, "StringLike": {"s3:prefix": f"{NAMESPACE_TAG}/*"}},
        ),
    )


LONGEST_LOCK_DAYS: Final = max(kept.days for kept in RETENTION.values()) + 1
"""Longest that a backup Job may lock an object, in days from then: as the longest retention, and the day that S3
rounds up to. Nobody shortens a lock where customers are, so a mistake of a century would be paid for a century."""


def locked_objects(bucket: str) -> tuple[Statement, ...]:
    """Return the rights that keep a namespace's own backups in a bucket that locks, beside those of `own_objects`.

    Whether the bucket locks is asked of the whole bucket, because it is a property of it.
    """
    arn = f"arn:aws:s3:::{bucket}"
    own = (f"{arn}/{NAMESPACE_TAG}/*",)
    limit = {"NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": str(LONGEST_LOCK_DAYS)}}
    return (
        statement("OwnVersions", ("s3:GetObjectRetention", "s3:GetObjectVersion"), own, condition=_TAGGED),
        statement("OwnLocks", ("s3:PutObjectRetention",), own, condition={**_TAGGED, **limit}),
        statement("LockOfBucket", ("s3:GetBucketObjectLockConfiguration",), (arn,), condition=_TAGGED),
    )


def found_objects(bucket: str) -> tuple[Statement, ...]:
    """Return the right to read a namespace's own objects in the copy of a bucket that was lost with its region."""
    arn = f"arn:aws:s3:::{bucket}"
    listing = {**_TAGGED, "StringLike": {"s3:prefix": f"{NAMESPACE_TAG}/*"}}
    return (
        statement(
            "FoundObjects",
            ("s3:GetObject", "s3:GetObjectVersion"),
            (f"{arn}/{NAMESPACE_TAG}/*",),
            condition=_TAGGED,
        ),
        statement("FoundListing", ("s3:ListBucket", "s3:ListBucketVersions"), (arn,), condition=listing),
    )


def drilled_objects(backups: str, evidence: str) -> tuple[Statement, ...]:
    """Return the rights of drills: to read the backups of tenants, and to write what was found.

    Of all tenants: what is read is sealed, and every drill holds the key that opens it. Narrower rights would change
    with each tenant and keep nothing from whoever has the key. No drill changes a backup, and what another drill found
    stays, because the bucket keeps versions and locks them.
    """
    source, tenants = f"arn:aws:s3:::{backups}", tenant_namespace("*")
    return (
        statement("ReadBackups", ("s3:GetObject",), (f"{source}/{tenants}/*",)),
        statement(
            "FindBackups",
            ("s3:ListBucket",),
            (source,),
            # Names of tenants as well: a drill finds those of its cell by what stands under them.
            condition={"StringLike": {"s3:prefix": (tenants,)}},
        ),
        statement("WriteEvidence", ("s3:PutObject",), (f"arn:aws:s3:::{evidence}/{tenants}/drills/*",)),
    )


# Without its tag the variable would be empty, and "/*" is a place in the bucket as well.
_TAGGED: Final = {"Null": {"aws:PrincipalTag/kubernetes-namespace": "false"}}


def by_s3(account: str, region: str, *aliases: str) -> Statement:
    """Return the right to use keys for objects, and for nothing else.

    Keys are named by their aliases: an ARN is not known before its key exists, and a policy
    that waits for it could not be tested before.
    """
    return statement(
        "KeyOfObjects",
        ("kms:Decrypt", "kms:GenerateDataKey"),
        (f"arn:aws:kms:{region}:{account}:key/*",),
        condition={
            "ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases},
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
        },
    )
