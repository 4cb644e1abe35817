"""The rebuild of a lost embedded environment on another one's node: what is done, in which steps. Pure.

Nothing of it is in AWS, so there is no region, no standby and no state of the lost one. What stands outside it is the
same all the same: the copies of its objects, the replicas of its secrets, the key that opens backups, and the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recovery.region.needs import Prerequisite
from recovery.region.plan import LeftBehind, RegionPlan, Step, urgency
from spec.clusters import EmbeddedCluster
from spec.problems import Problem, SpecError
from spec.vocabulary import TenantState

if TYPE_CHECKING:
    from spec.fleet import Fleet
    from spec.object_store import ObjectStoreSpec

HERE: Final = "this-machine"


def stands_in_for(fleet: Fleet) -> str | None:
    """Return the name of the embedded environment whose loss this one is for; None for every other environment."""
    cluster = fleet.environment.cluster
    return cluster.stands_in_for if isinstance(cluster, EmbeddedCluster) else None


def plan_near(fleet: Fleet) -> RegionPlan:
    """Plan how an embedded environment takes over from the one that it stands in for.

    Raises:
        SpecError: it stands in for none.

    """
    environment, lost = fleet.environment, stands_in_for(fleet)
    store = environment.object_store
    if lost is None or store is None:  # the spec holds the second to the first
        message = "stands in for no other environment"
        file, field = f"stacks/Pulumi.{environment.name.value}.yaml", "storefleet:environment.cluster"
        raise SpecError([Problem(file=file, field=field, message=message)])
    rebuilt = [each for each in fleet.tenants if each.state is TenantState.ACTIVE]
    return RegionPlan(
        stack=environment.name.value,
        lost=lost,
        target=HERE,
        account="",
        tenants=tuple(each.id for each in sorted(rebuilt, key=urgency)),
        cells=tuple(sorted(environment.cells)),
        left_behind=tuple(
            LeftBehind(tenant=each.id, reason=f"it is {each.state.value}, so nobody waits for its shop")
            for each in fleet.tenants
            if each not in rebuilt
        ),
        needs=_needs(lost, store),
        steps=_steps(fleet, lost, tuple(each.id for each in rebuilt)),
    )


def _needs(lost: str, store: ObjectStoreSpec) -> tuple[Prerequisite, ...]:
    return (
        Prerequisite(
            key="objects",
            what="the copies of the backups",
            where=f"{store.endpoint}, bucket {store.bucket}",
            why=f"What is restored comes from here; the objects of {lost} are gone with it.",
        ),
        Prerequisite(
            key="identity",
            what="the private key that opens backups",
            where="a file that STOREFLEET_IDENTITY names",
            why="Backups are sealed to its public half.",
        ),
        Prerequisite(
            key="secrets",
            what="the replicas of the secrets",
            where="whoever fills Secrets in this environment",
            why="Roles, users of caches and keys of the store are those of the lost environment.",
        ),
        Prerequisite(
            key="delivery",
            what="the delivery of the tenants' charts",
            where="whoever applies what Git says to this environment",
            why="A shop's volume, processes and routes are its chart's.",
        ),
    )


def _steps(fleet: Fleet, lost: str, tenants: tuple[str, ...]) -> tuple[Step, ...]:
    return (
        Step(
            key="outside",
            title=f"See that the key that opens the backups of {lost} is at hand",
            why="What is missing is found before anything is made.",
        ),
        Step(
            key="create",
            title="Start the environment and create all of it, until the pods of its cells are ready",
            why="One `up`, as on any day: it goes on where it was stopped.",
            creates=(
                *(f"cell {each}" for each in sorted(fleet.environment.cells)),
                *(f"tenant {each}" for each in tenants),
            ),
        ),
        Step(
            key="restore",
            title="Restore every tenant from its newest backup that was copied",
            why="The cells are new and empty: no log of the lost ones is replayed here.",
            creates=tuple(f"database and files of {each}" for each in tenants),
        ),
        Step(
            key="verify",
            title="See that every tenant's processes are ready",
            why="A rebuild counts when the shops answer, not when a command ended.",
        ),
    )
