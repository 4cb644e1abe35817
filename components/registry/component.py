"""The repositories of images of an environment in AWS, and of their copies in the second region."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from components.keys.component import KeyOutputs
from components.keys.plan import KeyPurpose
from components.registry.plan import RegistryPlan, RepositoryPlan


@dataclass(frozen=True, kw_only=True)
class RegistryArgs:
    """The plan, the keys, and the provider of the second region where images are copied to."""

    plan: RegistryPlan
    keys: KeyOutputs
    far_provider: pulumi.ProviderResource | None = None


@dataclass(frozen=True, kw_only=True)
class RegistryOutputs:
    """What names of images begin with, and the addresses of the repositories by name."""

    address: str
    urls: Mapping[str, pulumi.Output[str]]


class Registry(pulumi.ComponentResource):
    """Repositories with tags that never move, scanned as images arrive, and one rule that copies them."""

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:registry:Registry", name, None, opts)
        self._prefix = name
        own = args.keys.arns[KeyPurpose.DATA]
        made = {
            planned.key: self._repository(planned.key, planned, own, None)
            for planned in args.plan.repositories
        }
        if args.plan.far_region is not None and made:
            far = [
                self._repository(
                    f"far-{planned.key}", planned, args.keys.far_arns[KeyPurpose.DATA], args.far_provider
                )
                for planned in args.plan.repositories
            ]
            self._copying(args.plan, args.plan.far_region, far)
        self.outputs = RegistryOutputs(
            address=args.plan.address,
            urls={key: repository.repository_url for key, repository in made.items()},
        )
        self.register_outputs({"address": args.plan.address})

    def _repository(
        self,
        thing: str,
        planned: RepositoryPlan,
        key_arn: pulumi.Input[str],
        provider: pulumi.ProviderResource | None,
    ) -> ecr.Repository:
        repository = ecr.Repository(
            f"{self._prefix}/{thing}",
            name=planned.name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key_arn)
            ],
            force_delete=False,
            tags=dict(planned.tags),
            opts=pulumi.ResourceOptions(parent=self, provider=provider, protect=planned.protect or None),
        )
        ecr.LifecyclePolicy(
            f"{self._prefix}/{thing}-lifecycle",
            repository=repository.name,
            policy=planned.lifecycle,
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
        return repository

    def _copying(self, plan: RegistryPlan, region: str, targets: list[ecr.Repository]) -> None:
        destination = ecr.ReplicationConfigurationReplicationConfigurationRuleDestinationArgs(
            region=region, registry_id=plan.account
        )
        chosen = ecr.ReplicationConfigurationReplicationConfigurationRuleRepositoryFilterArgs(
            filter=f"{plan.prefix}/", filter_type="PREFIX_MATCH"
        )
        ecr.ReplicationConfiguration(
            f"{self._prefix}/copying",
            replication_configuration=ecr.ReplicationConfigurationReplicationConfigurationArgs(
                rules=[
                    ecr.ReplicationConfigurationReplicationConfigurationRuleArgs(
                        destinations=[destination], repository_filters=[chosen]
                    )
                ]
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(targets)),
        )
