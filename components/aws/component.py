"""The AWS side of an environment: its parts in their order, each with the provider of its region."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_random as random
from pulumi_aws import secretsmanager

from components.aws.plan import AwsPlan
from components.backup.component import Backup, BackupArgs
from components.cache.component import Caches, CachesArgs
from components.cloud.component import aws_provider
from components.cloud.plan import CloudPlan
from components.cost.component import Cost, CostArgs
from components.edge.component import Edge, EdgeArgs
from components.eks.component import Eks, EksArgs, EksOutputs
from components.files.component import Files, FilesArgs
from components.identity.component import People, PeopleArgs, Workloads, WorkloadsArgs
from components.keys.component import KeyOutputs, Keys, KeysArgs
from components.keys.plan import KeyPurpose
from components.registry.component import Registry, RegistryArgs
from components.secrets.component import Secrets, SecretsArgs, SecretsOutputs
from components.secrets.plan import TENANT_PREFIX
from components.storage.component import Storage, StorageArgs
from components.vpc.component import Vpc, VpcArgs, VpcOutputs
from spec.regions import REGIONS

_CACHE_PASSWORD: Final = "cache-password"  # noqa: S105 - the name of a field


@dataclass(frozen=True, kw_only=True)
class AwsOutputs:
    """What the cluster's side and whoever reads the stack need of it."""

    eks: EksOutputs | None
    cluster: Eks | None
    """The component itself, for what runs on its nodes to wait for."""
    target_group_arn: pulumi.Output[str] | None
    """Where the pods of the ingress controller register."""
    balancer_group_id: pulumi.Output[str] | None
    """The group that reaches them."""
    volumes: Mapping[str, pulumi.Output[str]]
    """Handle of the volume with a tenant's files, by tenant."""
    exports: Mapping[str, Any] = field(repr=False)
    """What the stack exports: names and places, nothing secret."""


def build_aws(plan: AwsPlan, cloud: CloudPlan, near: pulumi.ProviderResource) -> AwsOutputs:
    """Declare a planned AWS side. `near` is the provider of its own region; one for the second is made here."""
    return _Builder(plan, cloud, near).build()


class _Builder:
    def __init__(self, plan: AwsPlan, cloud: CloudPlan, near: pulumi.ProviderResource) -> None:
        self._plan = plan
        self._cloud = cloud
        self._near = near
        self._far = None
        if cloud.dr_region is not None:
            self._far = aws_provider("aws-far", cloud, cloud.dr_region)
        self._exports: dict[str, Any] = {"account": cloud.account, "region": cloud.region}

    def _top(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(providers=[self._near])

    def build(self) -> AwsOutputs:
        """Declare the parts: keys and network first, then what holds data, then what works with it."""
        plan = self._plan
        keys = Keys("keys", KeysArgs(plan=plan.keys, far_provider=self._far), self._top()).outputs
        logs_key = keys.arns[KeyPurpose.LOGS]
        network = Vpc("network", VpcArgs(plan=plan.vpc, logs_key_arn=logs_key), self._top()).outputs
        self._exports["vpc"] = network.vpc_id
        self._objects(keys)
        files = Files(
            "files",
            FilesArgs(
                plan=plan.files,
                keys=keys,
                vpc_id=network.vpc_id,
                cidr=network.cidr,
                subnet_ids=network.data_subnet_ids,
                far_provider=self._far,
            ),
            self._top(),
        ).outputs
        self._passwords(keys, network)
        backup = BackupArgs(plan=plan.backup, keys=keys, far_provider=self._far)
        self._exports["vault"] = Backup("backup", backup, self._top()).outputs.vault
        args = EdgeArgs(
            plan=plan.edge, vpc_id=network.vpc_id, cidr=network.cidr, subnet_ids=network.public_subnet_ids
        )
        edge = Edge("edge", args, self._top()).outputs
        self._exports |= {"nameServers": dict(edge.name_servers), "balancer": edge.balancer_host}
        cluster = self._cluster(keys, network)
        cost = Cost("cost", CostArgs(plan=plan.cost), self._top()).outputs
        self._exports["budget"] = cost.budget
        return AwsOutputs(
            eks=None if cluster is None else cluster.outputs,
            cluster=cluster,
            target_group_arn=edge.target_group_arn,
            balancer_group_id=edge.balancer_group_id,
            volumes=files.volumes,
            exports=self._exports,
        )

    def _objects(self, keys: KeyOutputs) -> None:
        plan = self._plan
        if plan.storage is not None:
            args = StorageArgs(plan=plan.storage, keys=keys, far_provider=self._far)
            made = Storage("storage", args, self._top()).outputs
            self._exports["buckets"] = {store.value: name for store, name in made.names.items()}
        registry = RegistryArgs(plan=plan.registry, keys=keys, far_provider=self._far)
        self._exports["registry"] = Registry("registry", registry, self._top()).outputs.address

    def _passwords(self, keys: KeyOutputs, network: VpcOutputs) -> None:
        chance = random.Provider("random")
        args = SecretsArgs(plan=self._plan.secrets, keys=keys)
        options = pulumi.ResourceOptions(providers=[self._near, chance])
        secrets = Secrets("secrets", args, options).outputs
        self._caches(keys, network, secrets)

    def _caches(self, keys: KeyOutputs, network: VpcOutputs, secrets: SecretsOutputs) -> None:
        plan = self._plan.caches
        if plan is None:
            return
        args = CachesArgs(
            plan=plan,
            keys=keys,
            vpc_id=network.vpc_id,
            cidr=network.cidr,
            subnet_ids=network.data_subnet_ids,
            passwords={
                user.tenant: self._password(user.tenant, secrets)
                for cache in plan.caches
                for user in cache.users
            },
        )
        self._exports["caches"] = dict(Caches("caches", args, self._top()).outputs.hosts)

    def _password(self, tenant: str, secrets: SecretsOutputs) -> pulumi.Output[str]:
        """Return a tenant's password: one made in this run, or in the second region the one that was replicated."""
        made = secrets.passwords.get((f"tenant-{tenant}", _CACHE_PASSWORD))
        if made is not None:
            return made
        found = secretsmanager.get_secret_version_output(
            secret_id=f"{TENANT_PREFIX}{tenant}/odoo", opts=pulumi.InvokeOutputOptions(provider=self._near)
        )
        return pulumi.Output.secret(found.secret_string.apply(lambda text: json.loads(text)[_CACHE_PASSWORD]))

    def _cluster(self, keys: KeyOutputs, network: VpcOutputs) -> Eks | None:
        plan = self._plan
        people = People("people", PeopleArgs(plan=plan.identity), self._top()).outputs
        cluster = None
        if plan.eks is not None:
            args = EksArgs(
                plan=plan.eks,
                subnet_ids=network.private_subnet_ids,
                zones=REGIONS[self._cloud.region].zones,
                secrets_key_arn=keys.arns[KeyPurpose.EKS],
                logs_key_arn=keys.arns[KeyPurpose.LOGS],
                people=people.arns,
            )
            cluster = Eks("eks", args, self._top())
            made = cluster.outputs
            self._exports["cluster"] = {
                "name": made.name,
                "endpoint": made.endpoint,
                "kubeconfig": made.kubeconfig,
                "interruptionQueue": made.interruption_queue,
            }
        name = None if cluster is None else cluster.outputs.name
        Workloads("workloads", WorkloadsArgs(plan=plan.identity, cluster_name=name), self._top())
        return cluster
