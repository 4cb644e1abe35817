"""The checks between an environment's AWS side and the tenants that live in it."""

from collections.abc import Iterator, Sequence

from spec.aws import AwsSpec, zone_of
from spec.environment import EnvironmentSpec
from spec.problems import Problem, either, shown, suggestion
from spec.residency import served
from spec.tenant import TenantSpec
from spec.vocabulary import Tier


def check_aws(environment: EnvironmentSpec, residents: Sequence[TenantSpec]) -> Iterator[Problem]:
    """Yield what is wrong: domains that no zone holds, dedicated tenants without nodes, nodes for nobody."""
    aws = environment.aws
    if aws is None:
        return
    for tenant in residents:
        yield from _zoneless(environment, aws, tenant)
        if tenant.tier is Tier.DEDICATED:
            yield from _without_nodes(environment, aws, tenant)
    yield from _nodes_for_nobody(environment, aws, residents)


def _zoneless(environment: EnvironmentSpec, aws: AwsSpec, tenant: TenantSpec) -> Iterator[Problem]:
    # The tenant may have its suffix already: what was loaded has, what is about to be added has not.
    suffix = environment.domain_suffix
    ours = tenant if suffix and tenant.domains[0].endswith(f".{suffix}") else served(environment, tenant)
    for place, name in enumerate(ours.domains):
        if zone_of(name, aws.zones) is None:
            parent = name.split(".", 1)[1]
            likely = parent if "." in parent else name
            stack = f"stacks/Pulumi.{environment.name.value}.yaml"
            yield Problem(
                file=f"tenants/{tenant.id}.yaml",
                field=f"domains[{place}]",
                value=shown(name),
                message=f"lies in no zone of the environment {environment.name}: nothing would lead to the shop",
                allowed=f"a name in {either(sorted(aws.zones)) if aws.zones else 'a zone; there is none yet'}",
                fix=f"correct it, or add the zone under aws.zones in {stack}: {likely}: "
                "{source: made}, or elsewhere if its owner keeps the DNS",
            )


def _without_nodes(environment: EnvironmentSpec, aws: AwsSpec, tenant: TenantSpec) -> Iterator[Problem]:
    if any(pool.tenant == tenant.id for pool in aws.kubernetes.pools.values()):
        return
    yield Problem(
        file=f"stacks/Pulumi.{environment.name.value}.yaml",
        field="aws.kubernetes.pools",
        message=f"no pool of nodes is for {tenant.id}, whose tier promises nodes of its own",
        fix=f"add a pool: {{tier: dedicated, tenant: {tenant.id}, instance_types: [m7g.xlarge], min: 1, max: 4}}",
    )


def _nodes_for_nobody(
    environment: EnvironmentSpec, aws: AwsSpec, residents: Sequence[TenantSpec]
) -> Iterator[Problem]:
    dedicated = sorted(tenant.id for tenant in residents if tenant.tier is Tier.DEDICATED)
    for name, pool in aws.kubernetes.pools.items():
        if pool.tenant is not None and pool.tenant not in dedicated:
            yield Problem(
                file=f"stacks/Pulumi.{environment.name.value}.yaml",
                field=f"aws.kubernetes.pools.{name}.tenant",
                value=shown(pool.tenant),
                message="is no dedicated tenant of this environment: its nodes would be paid for and stay empty",
                allowed=either(dedicated) if dedicated else "none: there is no dedicated tenant here",
                fix=suggestion(pool.tenant, dedicated, "remove the pool"),
            )
