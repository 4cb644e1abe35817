"""The secrets of an environment in AWS: passwords made by chance, in the entries of the secret store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_aws import secretsmanager

from components.keys.component import KeyOutputs
from components.keys.plan import KeyPurpose
from components.secrets.plan import PASSWORD_LENGTH, SecretPlan, SecretsPlan


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """The plan and the keys."""

    plan: SecretsPlan
    keys: KeyOutputs


@dataclass(frozen=True, kw_only=True)
class SecretsOutputs:
    """ARNs of the entries by key; `passwords` by key and field, each a secret of the engine."""

    arns: Mapping[str, pulumi.Output[str]]
    passwords: Mapping[tuple[str, str], pulumi.Output[str]]


class Secrets(pulumi.ComponentResource):
    """Entries with their passwords. Expects providers of `aws` and `random` among the caller's options."""

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:secrets:Secrets", name, None, opts)
        self._prefix = name
        self._args = args
        self._passwords: dict[tuple[str, str], pulumi.Output[str]] = {}
        arns = {planned.key: self._entry(planned) for planned in args.plan.secrets}
        self.outputs = SecretsOutputs(arns=arns, passwords=self._passwords)
        self.register_outputs({})

    def _child(
        self, *, protect: bool | None = None, ignore_changes: list[str] | None = None
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect, ignore_changes=ignore_changes)

    def _entry(self, planned: SecretPlan) -> pulumi.Output[str]:
        plan, keys = self._args.plan, self._args.keys
        far = plan.far_region
        entry = secretsmanager.Secret(
            f"{self._prefix}/{planned.key}",
            name=planned.name,
            description=planned.why,
            kms_key_id=keys.arns[KeyPurpose.SECRETS],
            recovery_window_in_days=plan.recovery_days,
            replicas=None
            if far is None
            else [secretsmanager.SecretReplicaArgs(region=far, kms_key_id=keys.far_arns[KeyPurpose.SECRETS])],
            tags=dict(planned.tags),
            opts=self._child(),
        )
        for field in planned.fields:
            made = random.RandomPassword(
                f"{self._prefix}/{planned.key}-{field}",
                length=PASSWORD_LENGTH,
                special=False,
                # Protected: a new one would lock the tenant out of what was written under the old.
                opts=self._child(protect=True),
            )
            # A secret in every case: what the provider says of it is not relied on.
            self._passwords[planned.key, field] = pulumi.Output.secret(made.result)
        for field, key, other in planned.copies:
            self._passwords[planned.key, field] = self._passwords[key, other]
        own = {field: value for (key, field), value in self._passwords.items() if key == planned.key}
        content = pulumi.Output.secret(own).apply(
            lambda values: json.dumps({**planned.texts, **values}, sort_keys=True)
        )
        secretsmanager.SecretVersion(
            f"{self._prefix}/{planned.key}-value",
            secret_id=entry.id,
            secret_string=content,
            opts=self._child(ignore_changes=["secretString"] if planned.by_hand else None),
        )
        return entry.arn
