"""One bucket with everything that closes it, keeps it and tidies it up."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import s3

from components.storage.lifecycle import Rule
from components.storage.plan import BucketPlan


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    """The plan of a bucket, and the ARN of the key that its objects are encrypted with."""

    plan: BucketPlan
    key_arn: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class BucketOutputs:
    """The bucket; `versioning` is what has to be there before anything is copied from or to it."""

    name: str
    arn: pulumi.Output[str]
    id: pulumi.Output[str]
    versioning: pulumi.Resource


class Bucket(pulumi.ComponentResource):
    """A private, versioned, encrypted bucket; it is protected, and never deleted with what is in it."""

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:storage:Bucket", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        self._bucket = s3.Bucket(
            f"{name}/bucket",
            bucket=args.plan.name,
            object_lock_enabled=args.plan.lock is not None,
            force_destroy=False,
            tags=dict(args.plan.tags),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        versioning = s3.BucketVersioning(
            f"{name}/versioning",
            bucket=self._bucket.id,
            versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self._child(),
        )
        self._close()
        self._encrypt(args.key_arn)
        self._keep(versioning)
        self.outputs = BucketOutputs(
            name=args.plan.name, arn=self._bucket.arn, id=self._bucket.id, versioning=versioning
        )
        self.register_outputs({"name": args.plan.name})

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))

    def _close(self) -> None:
        block = s3.BucketPublicAccessBlock(
            f"{self._prefix}/closed",
            bucket=self._bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._child(),
        )
        owned = s3.BucketOwnershipControls(
            f"{self._prefix}/ownership",
            bucket=self._bucket.id,
            rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self._child(block),
        )
        # One after the other: S3 refuses changes of a bucket that come while it makes another.
        s3.BucketPolicy(
            f"{self._prefix}/policy",
            bucket=self._bucket.id,
            policy=self._plan.policy,
            opts=self._child(owned),
        )

    def _encrypt(self, key_arn: pulumi.Input[str]) -> None:
        s3.BucketServerSideEncryptionConfiguration(
            f"{self._prefix}/encryption",
            bucket=self._bucket.id,
            rules=[
                s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=key_arn
                        )
                    ),
                    # One call to KMS for many objects: without it the calls cost more than the storage.
                    bucket_key_enabled=True,
                )
            ],
            opts=self._child(),
        )

    def _keep(self, versioning: s3.BucketVersioning) -> None:
        lock = self._plan.lock
        if lock is not None:
            s3.BucketObjectLockConfiguration(
                f"{self._prefix}/lock",
                bucket=self._bucket.id,
                rule=s3.BucketObjectLockConfigurationRuleArgs(
                    default_retention=s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                        mode=lock.mode, days=lock.days
                    )
                ),
                opts=self._child(versioning),
            )
        s3.BucketLifecycleConfiguration(
            f"{self._prefix}/lifecycle",
            bucket=self._bucket.id,
            rules=[_rule(rule) for rule in self._plan.rules],
            opts=self._child(versioning),
        )


def _rule(rule: Rule) -> s3.BucketLifecycleConfigurationRuleArgs:
    return s3.BucketLifecycleConfigurationRuleArgs(
        id=rule.key,
        status="Enabled",
        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(object_size_greater_than=rule.larger_than)
        if rule.larger_than is not None
        else s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=rule.prefix),
        expiration=None
        if rule.expire_days is None
        else s3.BucketLifecycleConfigurationRuleExpirationArgs(days=rule.expire_days),
        noncurrent_version_expiration=None
        if rule.noncurrent_days is None
        else s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=rule.noncurrent_days
        ),
        abort_incomplete_multipart_upload=None
        if rule.abort_days is None
        else s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=rule.abort_days
        ),
        transitions=None
        if rule.transition is None
        else [
            s3.BucketLifecycleConfigurationRuleTransitionArgs(
                days=rule.transition[0], storage_class=rule.transition[1]
            )
        ],
    )
