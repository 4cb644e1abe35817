"""The caches of an environment in AWS, and each tenant's user in the cache of its cell."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, elasticache, secretsmanager, vpc

from components.cache.plan import ENGINE, FAMILY, HOST_FIELD, PORT, VERSION, CachePlan, CachesPlan, UserPlan
from components.keys.component import KeyOutputs
from components.keys.plan import KeyPurpose


@dataclass(frozen=True, kw_only=True)
class CachesArgs:
    """The plan, the keys, the network, and the tenants' passwords (secrets of the engine), by tenant."""

    plan: CachesPlan
    keys: KeyOutputs
    vpc_id: pulumi.Input[str]
    cidr: str
    """Addresses of the VPC: pods come from there."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """The data subnets."""
    passwords: Mapping[str, pulumi.Output[str]]


@dataclass(frozen=True, kw_only=True)
class CachesOutputs:
    """Where the primaries are reached, by TLS and on port 6379, by cell."""

    hosts: Mapping[str, pulumi.Output[str]]


class Caches(pulumi.ComponentResource):
    """A cache a cell, a user a tenant, and one group of users for each cache."""

    def __init__(self, name: str, args: CachesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storefleet:cache:Caches", name, None, opts)
        self._prefix = name
        self._args = args
        plan = args.plan
        self._group = self._make_group()
        self._subnets = elasticache.SubnetGroup(
            f"{name}/subnets",
            name=plan.name,
            description="The data subnets",
            subnet_ids=list(args.subnet_ids),
            tags={**plan.tags, "Name": plan.name},
            opts=self._child(),
        )
        self._parameters = elasticache.ParameterGroup(
            f"{name}/parameters",
            name=plan.name,
            family=FAMILY,
            description="Sessions: nothing is thrown away to make room",
            parameters=[elasticache.ParameterGroupParameterArgs(name="maxmemory-policy", value="noeviction")],
            tags={**plan.tags, "Name": plan.name},
            opts=self._child(),
        )
        made = {planned.cell: self._cache(planned) for planned in plan.caches}
        for planned in plan.caches:
            for user in planned.users:
                self._tell(user, made[planned.cell].primary_endpoint_address)
        self.outputs = CachesOutputs(
            hosts={cell: each.primary_endpoint_address for cell, each in made.items()}
        )
        self.register_outputs(dict(self.outputs.hosts.items()))

    def _child(self, *, protect: bool | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect)

    def _make_group(self) -> ec2.SecurityGroup:
        plan = self._args.plan
        group = ec2.SecurityGroup(
            f"{self._prefix}/group",
            name=plan.name,
            description="Caches: reached from inside the VPC",
            vpc_id=self._args.vpc_id,
            tags={**plan.tags, "Name": plan.name},
            opts=self._child(),
        )
        vpc.SecurityGroupIngressRule(
            f"{self._prefix}/valkey",
            security_group_id=group.id,
            description="Valkey by TLS from inside the VPC",
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            cidr_ipv4=self._args.cidr,
            tags={**plan.tags, "Name": plan.name},
            opts=self._child(),
        )
        return group

    def _cache(self, planned: CachePlan) -> elasticache.ReplicationGroup:
        name = f"{self._prefix}/{planned.key}"
        users = elasticache.UserGroup(
            f"{name}-users",
            user_group_id=planned.name,
            engine=ENGINE,
            user_ids=[self._user(user).user_id for user in planned.users],
            tags=dict(planned.tags),
            opts=self._child(),
        )
        several = planned.nodes > 1
        return elasticache.ReplicationGroup(
            name,
            replication_group_id=planned.name,
            description=planned.why,
            engine=ENGINE,
            engine_version=VERSION,
            node_type=planned.node_type,
            num_cache_clusters=planned.nodes,
            automatic_failover_enabled=several,
            multi_az_enabled=several,
            port=PORT,
            parameter_group_name=self._parameters.name,
            subnet_group_name=self._subnets.name,
            security_group_ids=[self._group.id],
            user_group_ids=users.user_group_id.apply(lambda group: [group]),
            at_rest_encryption_enabled=True,
            kms_key_id=self._args.keys.arns[KeyPurpose.DATA],
            transit_encryption_enabled=True,
            auto_minor_version_upgrade=True,
            maintenance_window=self._args.plan.maintenance,
            snapshot_retention_limit=0,
            apply_immediately=True,
            tags=dict(planned.tags),
            opts=self._child(),
        )

    def _tell(self, planned: UserPlan, host: pulumi.Output[str]) -> None:
        """Write where the cache is into the tenant's part of the secret store, from which its Secret is made."""
        name = f"{self._prefix}/host-{planned.key}"
        entry = secretsmanager.Secret(
            name,
            name=planned.entry,
            description="Where the tenant's sessions are kept.",
            kms_key_id=self._args.keys.arns[KeyPurpose.SECRETS],
            # Nothing in it is lost for good: the next run writes it again.
            recovery_window_in_days=0,
            tags=dict(planned.tags),
            opts=self._child(),
        )
        secretsmanager.SecretVersion(
            f"{name}-value",
            secret_id=entry.id,
            secret_string=pulumi.Output.secret(host).apply(lambda found: json.dumps({HOST_FIELD: found})),
            opts=self._child(),
        )

    def _user(self, planned: UserPlan) -> elasticache.User:
        password = self._args.passwords[planned.tenant]
        return elasticache.User(
            f"{self._prefix}/user-{planned.key}",
            user_id=planned.id,
            user_name=planned.name,
            engine=ENGINE,
            access_string=planned.access,
            authentication_mode=elasticache.UserAuthenticationModeArgs(type="password", passwords=[password]),
            tags=dict(planned.tags),
            opts=self._child(),
        )
