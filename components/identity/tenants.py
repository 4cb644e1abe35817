"""What tenants and cells may do with objects: each reaches what stands under the name of its own namespace.

One role serves all tenants. EKS Pod Identity puts the namespace of the pod that asks into the session, as a tag
that nobody in the cluster can set, and the role's policy is written in terms of it. So a tenant more is one
association more, and no policy that grows with the fleet.
"""

from typing import Final

from components.iam import Statement, statement

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
