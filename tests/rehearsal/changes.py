"""The changes that a rehearsal makes to an applied stack, and what each of them may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from local.state import ROOT
from spec.kubernetes import PoolTier
from spec.vocabulary import TenantState, Tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.engine.events import Change as Made
    from spec.fleet import Fleet
    from spec.tenant import TenantSpec
    from tests.rehearsal.bench import Bench

NEW = "rehearsal-shop"
POOL = "rehearsal"
LIFECYCLE = "storage/logs/lifecycle"
LOG_DAYS = 1234
SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
"""A version of a secret never changes: another text is another version, and the engine calls that a replacement."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: how it is made, and which changed resources are its own."""

    title: str
    make: Callable[[Bench], None]
    touches: Callable[[Made], bool]


def of(fleet: Fleet) -> tuple[Change, ...]:
    """Return the changes that can be made to a fleet's stack."""
    found: list[Change] = []
    model = next((t for t in fleet.tenants if t.tier is Tier.SHARED and t.state is TenantState.ACTIVE), None)
    if model is not None:
        found.append(
            Change(
                title="one tenant more",
                make=lambda bench: _tenant(bench, fleet, model),
                touches=lambda made: _of_the_tenant(made, model),
            )
        )
    aws = fleet.environment.aws
    if aws is not None and fleet.environment.cluster.source == "eks" and aws.standby != "absent":
        found.append(
            Change(
                title="one node pool more",
                make=lambda bench: bench.edit(_pool),
                touches=lambda made: made.op == "create" and POOL in made.urn,
            )
        )
    if aws is not None and aws.object_storage == "s3":
        found.append(
            Change(
                title="one lifecycle rule changed",
                make=lambda bench: bench.edit(_keep_logs_longer),
                touches=lambda made: made.op == "update" and made.name == LIFECYCLE,
            )
        )
    return tuple(found)


def _of_the_tenant(made: Made, model: TenantSpec) -> bool:
    """Return whether a change is one more tenant's own: its parts have its id in their names.

    It also joins the users of its cell's cache, and the schedules of the peaks that it shares with others.
    """
    if made.type == SECRET_VERSION and made.name == f"secrets/cache-{model.cell}-value":
        return True
    if made.op == "update":
        return made.name == f"caches/{model.cell}-users" or made.name.startswith("cost/peak-")
    return made.op == "create" and NEW in made.urn


def _tenant(bench: Bench, fleet: Fleet, model: TenantSpec) -> None:
    """Write the file of one more tenant: like `model`, with a domain of its own beside the model's."""
    document: dict[str, Any] = YAML().load((ROOT / "tenants" / f"{model.id}.yaml").read_text())
    document["display_name"] = "Rehearsal Shop"
    document["domains"] = [f"{NEW}.{model.domains[0].partition('.')[2]}"]
    with (bench.project / "tenants" / f"{NEW}.yaml").open("w") as out:
        YAML().dump(document, out)
    listed = fleet.environment.tenants
    if not isinstance(listed, str):
        bench.edit(lambda environment: environment["tenants"].append(NEW))


def _pool(environment: dict[str, Any]) -> None:
    pools: dict[str, Any] = environment["aws"]["kubernetes"]["pools"]
    general = next(pool for pool in pools.values() if pool["tier"] == PoolTier.GENERAL.value)
    pools[POOL] = {**general, "min": 0, "max": 1}


def _keep_logs_longer(environment: dict[str, Any]) -> None:
    environment["aws"]["log_days"] = LOG_DAYS
