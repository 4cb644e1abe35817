"""The buckets of an environment in AWS, their copies in the second region, and the record of who used them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudtrail, iam, s3

from components.keys.component import KeyOutputs
from components.keys.plan import KeyPurpose
from components.storage.bucket import Bucket, BucketArgs, BucketOutputs
from components.storage.plan import BucketPlan, CopyPlan, StoragePlan, Store

_MINUTES = 15
"""Within which S3 promises a timed copy; it takes no other number."""


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """The plan, the keys, and the provider of the second region where the plan has copies there."""

    plan: StoragePlan
    keys: KeyOutputs
    far_provider: pulumi.ProviderResource | None = None


@dataclass(frozen=True, kw_only=True)
class StorageOutputs:
    """Names of the buckets by what they hold: here, and of the copies. `arns` are those here."""

    names: Mapping[Store, str]
    far_names: Mapping[Store, str]
    arns: Mapping[Store, pulumi.Output[str]]


class Storage(pulumi.ComponentResource):
    """A bucket for each kind of object, copies where the law lets them be, and a trail over all of them."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:storage:Storage", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        here = {planned.store: self._bucket(planned, args) for planned in args.plan.buckets}
        far = {planned.store: self._bucket(planned, args, far=True) for planned in args.plan.far_buckets}
        if args.plan.copies:
            role = self._role()
            for copy in args.plan.copies:
                self._copy(copy, here[copy.store], far[copy.store], role, args.keys)
        self._trail(here[Store.LOGS], args.keys)
        self.outputs = StorageOutputs(
            names={store: bucket.outputs.name for store, bucket in here.items()},
            far_names={store: bucket.outputs.name for store, bucket in far.items()},
            arns={store: bucket.outputs.arn for store, bucket in here.items()},
        )
        self.register_outputs({store.value: name for store, name in self.outputs.names.items()})

    def _child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(after))

    def _bucket(self, planned: BucketPlan, args: StorageArgs, *, far: bool = False) -> Bucket:
        own = pulumi.ResourceOptions(parent=self)
        keys = args.keys.arns
        if far:
            own = pulumi.ResourceOptions(
                parent=self, providers=None if args.far_provider is None else [args.far_provider]
            )
            keys = args.keys.far_arns
        return Bucket(
            f"{self._prefix}/{planned.key}",
            BucketArgs(plan=planned, key_arn=keys[planned.encryption]),
            own,
        )

    def _role(self) -> iam.Role:
        role = iam.Role(
            f"{self._prefix}/replication-role",
            name=self._plan.role,
            assume_role_policy=self._plan.trust,
            tags={**self._plan.tags, "Name": self._plan.role},
            opts=self._child(),
        )
        iam.RolePolicy(
            f"{self._prefix}/replication-rights",
            name="copy",
            role=role.name,
            policy=self._plan.rights,
            opts=self._child(),
        )
        return role

    def _copy(
        self, planned: CopyPlan, source: Bucket, target: Bucket, role: iam.Role, keys: KeyOutputs
    ) -> None:
        found: BucketOutputs = source.outputs
        minutes = s3.BucketReplicationConfigRuleDestinationReplicationTimeTimeArgs(minutes=_MINUTES)
        threshold = s3.BucketReplicationConfigRuleDestinationMetricsEventThresholdArgs(minutes=_MINUTES)
        s3.BucketReplicationConfig(
            f"{self._prefix}/copy-{planned.store.value}",
            bucket=found.id,
            role=role.arn,
            rules=[
                s3.BucketReplicationConfigRuleArgs(
                    id="everything",
                    status="Enabled",
                    priority=1,
                    filter=s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
                    # A deletion is copied as a marker; the version below it stays on both sides.
                    delete_marker_replication=s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(
                        status="Enabled"
                    ),
                    source_selection_criteria=s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
                        sse_kms_encrypted_objects=(
                            s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
                                status="Enabled"
                            )
                        )
                    ),
                    destination=s3.BucketReplicationConfigRuleDestinationArgs(
                        # By its planned name, so that a preview can tell in which region it is.
                        bucket=f"arn:aws:s3:::{planned.target}",
                        storage_class="STANDARD",
                        encryption_configuration=(
                            s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                                replica_kms_key_id=keys.far_arns[planned.encryption]
                            )
                        ),
                        replication_time=s3.BucketReplicationConfigRuleDestinationReplicationTimeArgs(
                            status="Enabled", time=minutes
                        )
                        if planned.timed
                        else None,
                        metrics=s3.BucketReplicationConfigRuleDestinationMetricsArgs(
                            status="Enabled", event_threshold=threshold
                        )
                        if planned.timed
                        else None,
                    ),
                )
            ],
            opts=self._child(found.versioning, target.outputs.versioning, target),
        )

    def _trail(self, logs: Bucket, keys: KeyOutputs) -> None:
        planned = self._plan.trail
        field = cloudtrail.TrailAdvancedEventSelectorFieldSelectorArgs
        cloudtrail.Trail(
            f"{self._prefix}/trail",
            name=planned.name,
            s3_bucket_name=logs.outputs.name,
            s3_key_prefix=planned.prefix,
            kms_key_id=keys.arns[KeyPurpose.LOGS],
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            advanced_event_selectors=[
                cloudtrail.TrailAdvancedEventSelectorArgs(
                    name="changes",
                    field_selectors=[
                        field(field="eventCategory", equals=["Management"]),
                        field(field="readOnly", equals=["false"]),
                    ],
                ),
                cloudtrail.TrailAdvancedEventSelectorArgs(
                    name="objects",
                    field_selectors=[
                        field(field="eventCategory", equals=["Data"]),
                        field(field="resources.type", equals=["AWS::S3::Object"]),
                        field(field="resources.ARN", starts_withs=list(planned.watched)),
                    ],
                ),
            ],
            tags={**self._plan.tags, "Name": planned.name},
            opts=self._child(logs),
        )
