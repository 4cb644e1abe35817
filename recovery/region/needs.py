"""What must stand outside a lost region, and whether two environments belong together at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.storage.plan import plan_storage
from spec.cloud_names import physical
from spec.problems import Problem

if TYPE_CHECKING:
    from spec.fleet import Fleet


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """Something outside the lost region, without which a rebuild cannot end.

    `token` and `name` are the resource type and the physical name by which a stack's state shows it; both are
    empty for what no state can show.
    """

    key: str
    what: str
    where: str
    why: str
    stack: str = ""
    token: str = ""
    name: str = ""


def mismatches(production: Fleet, second: Fleet, file: str, field: str) -> list[Problem]:
    """Return what keeps `second` from standing in for `production`: problems of the files, in their words."""
    here, there = production.environment.aws, second.environment.aws
    if here is None or there is None:
        return []
    problems: list[Problem] = []
    if there.stands_in_for != here.region:
        problems.append(
            Problem(
                file=file,
                field=f"{field}.stands_in_for",
                message=f"production is in {here.region}, and this environment stands in for another region",
                value=str(there.stands_in_for),
                allowed=here.region,
            )
        )
    if here.dr_region != there.region:
        problems.append(
            Problem(
                file=f"stacks/Pulumi.{production.environment.name.value}.yaml",
                field=f"{field}.dr_region",
                message=f"copies go to {here.dr_region or 'no region'}, and are looked for in {there.region}",
                value=str(here.dr_region),
                allowed=there.region,
            )
        )
    if here.account != there.account:
        message = "the copies are in the account of production, and this environment is in another"
        problems.append(
            Problem(
                file=file,
                field=f"{field}.account",
                message=message,
                value=there.account,
                allowed=here.account,
            )
        )
    return problems


def needs_of(production: Fleet, second: Fleet) -> tuple[Prerequisite, ...]:
    """Return what a rebuild is made of; raises AssertionError for an environment without AWS."""
    own, target = production.environment, second.environment
    assert own.aws is not None  # noqa: S101 - plan_region has seen to it
    assert target.aws is not None  # noqa: S101
    region, lost = target.aws.region, own.aws.region
    storage = plan_storage(own, own.aws)
    buckets = tuple(
        Prerequisite(
            key=f"bucket-{copy.store.value}",
            what=f"the copy of the bucket {copy.store.value}",
            where=f"{region}: {copy.target}",
            why=f"What is restored comes from here; {copy.source} is gone with {lost}.",
            stack=own.name.value,
            token="aws:s3/bucket:Bucket",  # noqa: S106 - a resource type
            name=copy.target,
        )
        for copy in (storage.copies if storage is not None else ())
    )
    return (
        Prerequisite(
            key="state-backend",
            what="the state backend, and the key to its secrets",
            where=f"any region but {lost}; see PULUMI_BACKEND_URL",
            why="Without the states nobody knows what stands and what does not.",
        ),
        *buckets,
        Prerequisite(
            key="keys",
            what="the keys of the copies",
            where=f"{region}: replicas of production's multi-region keys",
            why="A copy that is encrypted with a key of the lost region cannot be read.",
        ),
        Prerequisite(
            key="registry",
            what="the images of the releases that run",
            where=f"{region}: registry of account {target.aws.account}",
            why="Nodes of the second region pull from their own registry.",
        ),
        Prerequisite(
            key="secrets",
            what="the replicas of the secrets",
            where=f"{region}: Secrets Manager, {physical(own, '')}*",
            why="External Secrets reads them there; it has no way to the lost region.",
        ),
        Prerequisite(
            key="dns",
            what="the zones, and failover records that lead to the second ingress",
            where="Route 53, which is of no region",
            why="Health checks move the tenants' domains; nobody has to write a record on the day.",
        ),
        Prerequisite(
            key="files",
            what="this project at the commit that production runs, and the tenants' files",
            where="the Git host",
            why="The rebuild is made of them.",
        ),
    )
