"""The keys of an environment in AWS, and of what it keeps in the second region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_aws import kms

from components.keys.plan import DELETION_DAYS, ROTATION_DAYS, KeyPlan, KeyPurpose, KeysPlan

_PAIR: Final = "ECC_NIST_P256"
"""What cosign makes as well: signatures that every verifier knows."""


@dataclass(frozen=True, kw_only=True)
class KeysArgs:
    """The plan, and the provider of the second region where the plan has keys there."""

    plan: KeysPlan
    far_provider: pulumi.ProviderResource | None = None


@dataclass(frozen=True, kw_only=True)
class KeyOutputs:
    """ARNs of the keys by purpose: of the region, and of the second one (empty where there is none)."""

    arns: Mapping[KeyPurpose, pulumi.Output[str]]
    far_arns: Mapping[KeyPurpose, pulumi.Output[str]]


class Keys(pulumi.ComponentResource):
    """A key and its alias for each purpose. All are protected: without its key, what it encrypted is lost."""

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:keys:Keys", name, None, opts)
        self._prefix = name
        self._far = args.far_provider
        made = {planned.purpose: self._key(planned.purpose.value, planned) for planned in args.plan.keys}
        far: dict[KeyPurpose, kms.Key | kms.ReplicaKey] = {
            planned.purpose: self._key(f"far-{planned.purpose.value}", planned, provider=self._far)
            for planned in args.plan.far_keys
        }
        far |= {planned.purpose: self._replica(planned, made) for planned in args.plan.replicas}
        self.outputs = KeyOutputs(
            arns={purpose: key.arn for purpose, key in made.items()},
            far_arns={purpose: key.arn for purpose, key in far.items()},
        )
        self.register_outputs({purpose.value: arn for purpose, arn in self.outputs.arns.items()})

    def _key(self, thing: str, planned: KeyPlan, provider: pulumi.ProviderResource | None = None) -> kms.Key:
        key = kms.Key(
            f"{self._prefix}/{thing}",
            description=planned.description,
            policy=planned.policy,
            key_usage="SIGN_VERIFY" if planned.signs else None,
            customer_master_key_spec=_PAIR if planned.signs else None,
            enable_key_rotation=None if planned.signs else True,
            rotation_period_in_days=None if planned.signs else ROTATION_DAYS,
            deletion_window_in_days=DELETION_DAYS,
            multi_region=planned.multi_region,
            tags={**planned.tags, "Name": planned.alias.removeprefix("alias/")},
            opts=pulumi.ResourceOptions(parent=self, provider=provider, protect=True),
        )
        self._alias(thing, planned, key.key_id, provider)
        return key

    def _replica(self, planned: KeyPlan, made: Mapping[KeyPurpose, kms.Key]) -> kms.ReplicaKey:
        thing = f"far-{planned.purpose.value}"
        key = kms.ReplicaKey(
            f"{self._prefix}/{thing}",
            primary_key_arn=made[planned.purpose].arn,
            description=planned.description,
            policy=planned.policy,
            deletion_window_in_days=DELETION_DAYS,
            tags={**planned.tags, "Name": planned.alias.removeprefix("alias/")},
            opts=pulumi.ResourceOptions(parent=self, provider=self._far, protect=True),
        )
        self._alias(thing, planned, key.key_id, self._far)
        return key

    def _alias(
        self,
        thing: str,
        planned: KeyPlan,
        key_id: pulumi.Input[str],
        provider: pulumi.ProviderResource | None,
    ) -> None:
        kms.Alias(
            f"{self._prefix}/{thing}-alias",
            name=planned.alias,
            target_key_id=key_id,
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
