"""The vaults of an environment in AWS, and the plans by which AWS fills them."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import backup, iam

from components.backup.plan import BACKUP, BackupPlan, SchedulePlan, VaultPlan
from components.keys.component import KeyOutputs
from components.keys.plan import KeyPurpose

_START_MINUTES = 60
_COMPLETE_MINUTES = 6 * 60


@dataclass(frozen=True, kw_only=True)
class BackupArgs:
    """The plan, the keys, and the provider of the second region where copies go there."""

    plan: BackupPlan
    keys: KeyOutputs
    far_provider: pulumi.ProviderResource | None = None


@dataclass(frozen=True, kw_only=True)
class BackupOutputs:
    """The vaults: names, and the ARN of the one with the copies (None: there is none)."""

    vault: pulumi.Output[str]
    far_vault_arn: pulumi.Output[str] | None


class Backup(pulumi.ComponentResource):
    """A locked vault, its copy in the second region, and for each class a plan that selects by tag."""

    def __init__(self, name: str, args: BackupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:backup:Backup", name, None, opts)
        self._prefix = name
        self._plan = args.plan
        vault = self._vault(args.plan.vault, args.keys.arns[KeyPurpose.BACKUPS], None)
        far = None
        if args.plan.far_vault is not None:
            key_arn = args.keys.far_arns[KeyPurpose.BACKUPS]
            far = self._vault(args.plan.far_vault, key_arn, args.far_provider)
        role = self._role()
        for schedule in args.plan.schedules:
            self._schedule(schedule, vault, far, role)
        self.outputs = BackupOutputs(vault=vault.name, far_vault_arn=None if far is None else far.arn)
        self.register_outputs({"vault": vault.name})

    def _vault(
        self, planned: VaultPlan, key_arn: pulumi.Input[str], provider: pulumi.ProviderResource | None
    ) -> backup.Vault:
        vault = backup.Vault(
            f"{self._prefix}/{planned.key}",
            name=planned.name,
            kms_key_arn=key_arn,
            force_destroy=False,
            tags=dict(planned.tags),
            opts=pulumi.ResourceOptions(parent=self, provider=provider, protect=True),
        )
        backup.VaultLockConfiguration(
            f"{self._prefix}/{planned.key}-lock",
            backup_vault_name=vault.name,
            min_retention_days=planned.min_days,
            max_retention_days=planned.max_days,
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
        backup.VaultPolicy(
            f"{self._prefix}/{planned.key}-policy",
            backup_vault_name=vault.name,
            policy=planned.policy,
            opts=pulumi.ResourceOptions(parent=self, provider=provider),
        )
        return vault

    def _role(self) -> iam.Role:
        role = iam.Role(
            f"{self._prefix}/role",
            name=self._plan.role,
            assume_role_policy=self._plan.trust,
            tags={**self._plan.tags, "Name": self._plan.role},
            opts=pulumi.ResourceOptions(parent=self),
        )
        for arn in self._plan.policies:
            iam.RolePolicyAttachment(
                f"{self._prefix}/{arn.rpartition('/')[2]}",
                role=role.name,
                policy_arn=arn,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return role

    def _schedule(
        self, planned: SchedulePlan, vault: backup.Vault, far: backup.Vault | None, role: iam.Role
    ) -> None:
        copies = None
        if far is not None:
            kept = backup.PlanRuleCopyActionLifecycleArgs(delete_after=planned.days)
            copies = [backup.PlanRuleCopyActionArgs(destination_vault_arn=far.arn, lifecycle=kept)]
        plan = backup.Plan(
            f"{self._prefix}/{planned.key}",
            name=planned.name,
            rules=[
                backup.PlanRuleArgs(
                    rule_name="nightly",
                    target_vault_name=vault.name,
                    schedule=planned.schedule,
                    start_window=_START_MINUTES,
                    completion_window=_COMPLETE_MINUTES,
                    lifecycle=backup.PlanRuleLifecycleArgs(delete_after=planned.days),
                    copy_actions=copies,
                    recovery_point_tags=dict(planned.tags),
                )
            ],
            tags=dict(planned.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        backup.Selection(
            f"{self._prefix}/{planned.key}-selection",
            name=planned.name,
            plan_id=plan.id,
            iam_role_arn=role.arn,
            selection_tags=[
                backup.SelectionSelectionTagArgs(type="STRINGEQUALS", key=BACKUP, value=planned.tag_value)
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
