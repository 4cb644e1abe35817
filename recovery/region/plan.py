"""What a rebuild in the second region creates, in which order, and what must already stand outside the lost one.

Pure: from the two environments' files alone. It is as true when the region, its cluster and its API are gone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from components.plan import plan_environment
from recovery.region.needs import Prerequisite, mismatches, needs_of
from spec.cloud_names import PREFIX
from spec.problems import Problem, SpecError
from spec.vocabulary import TenantState

if TYPE_CHECKING:
    from spec.fleet import Fleet
    from spec.tenant import TenantSpec

StepKey: TypeAlias = Literal["state", "outside", "preview", "switch-on", "create", "restore", "verify"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a rebuild: what it does, why it stands here, and what exists after it."""

    key: StepKey
    title: str
    why: str
    creates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LeftBehind:
    """A tenant that is not rebuilt, and the reason."""

    tenant: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RegionPlan:
    """A rebuild: from which region to which, of whom, out of what, in which steps."""

    stack: str
    """The stack of the second region."""
    lost: str
    target: str
    account: str
    tenants: tuple[str, ...]
    """Who is rebuilt, the most critical first."""
    cells: tuple[str, ...]
    left_behind: tuple[LeftBehind, ...]
    needs: tuple[Prerequisite, ...]
    steps: tuple[Step, ...]

    @property
    def digest(self) -> str:
        """What a journal is tied to: who is rebuilt from where, and in which steps.

        Not how far the second region is switched on: a rebuild changes that itself.
        """
        names = [need.name for need in self.needs]
        keys = [step.key for step in self.steps]
        facts = [self.stack, self.lost, self.target, self.account, self.tenants, self.cells, names, keys]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def record(self) -> dict[str, Any]:
        """Return the plan as plain data, for evidence."""
        return json.loads(json.dumps({**asdict(self), "digest": self.digest}))


def plan_region(production: Fleet, second: Fleet) -> RegionPlan:
    """Plan the rebuild of `production` in the region of `second` (the environment dr).

    Raises:
        SpecError: the two do not belong together: one stands in for a region that the other is not in, or
            replicates to elsewhere. Found now, and not on the day.

    """
    here, there = production.environment.aws, second.environment.aws
    file = f"stacks/Pulumi.{second.environment.name.value}.yaml"
    field = "storefleet:environment.aws"
    if here is None or there is None:
        which = production if here is None else second
        name = which.environment.name.value
        message = f"the environment {name} has nothing in AWS, so no region of it can be lost"
        raise SpecError([Problem(file=f"stacks/Pulumi.{name}.yaml", field=field, message=message)])
    problems = mismatches(production, second, file, field)
    if problems:
        raise SpecError(problems)
    rebuilt = [tenant for tenant in second.tenants if tenant.state is not TenantState.PURGED]
    known = {tenant.id for tenant in rebuilt}
    return RegionPlan(
        stack=second.environment.name.value,
        lost=here.region,
        target=there.region,
        account=there.account,
        tenants=tuple(tenant.id for tenant in sorted(rebuilt, key=urgency)),
        cells=tuple(sorted(second.environment.cells)),
        left_behind=tuple(
            LeftBehind(tenant=tenant.id, reason=_reason(tenant, second))
            for tenant in production.tenants
            if tenant.id not in known
        ),
        needs=needs_of(production, second),
        steps=_steps(second, here.region),
    )


def missing(plan: RegionPlan, resources: dict[str, list[dict[str, Any]]]) -> tuple[Prerequisite, ...]:
    """Return what must stand outside the lost region and does not, by the stacks' states.

    Args:
        plan: the rebuild.
        resources: stack -> the resources of its exported state, each with `type` and `outputs`.

    """
    absent: list[Prerequisite] = []
    for need in plan.needs:
        if not need.token:
            continue
        found = any(
            each["type"] == need.token and need.name in _names(each) for each in resources.get(need.stack, [])
        )
        if not found:
            absent.append(need)
    return tuple(absent)


def _names(resource: dict[str, Any]) -> set[str]:
    values: dict[str, Any] = resource.get("outputs") or resource.get("inputs") or {}
    return {str(values[key]) for key in ("bucket", "name", "id") if values.get(key)}


def urgency(tenant: TenantSpec) -> tuple[int, str]:
    """Return a key by which the most critical tenants come first."""
    order = ("critical", "high", "standard", "low")
    return order.index(tenant.criticality.value), tenant.id


def _reason(tenant: TenantSpec, second: Fleet) -> str:
    aws = second.environment.aws
    if tenant.state is TenantState.PURGED:
        return "it is purged"
    if aws is not None and tenant.residency is not aws.jurisdiction:
        return f"its data stay under the law of {tenant.residency}; {aws.region} is under that of {aws.jurisdiction}"
    if tenant.cell not in second.environment.cells:
        return f"its cell {tenant.cell} is not declared in the second region"
    return "the second environment does not choose it"


def _steps(second: Fleet, lost: str) -> tuple[Step, ...]:
    environment = second.environment
    aws = environment.aws
    assert aws is not None  # noqa: S101 - plan_region has seen to it
    plan = plan_environment(second)
    network = f"network {aws.network.cidr} in {aws.region}"
    cluster = (
        f"cluster {PREFIX}-{environment.name.value} with pools {', '.join(sorted(aws.kubernetes.pools))}"
    )
    stays = "(new)" if aws.standby == "absent" else "(there already: the pilot light)"
    return (
        Step(
            key="state",
            title="Reach the state backend and the stack of the second region",
            why="Everything after this asks it.",
        ),
        Step(
            key="outside",
            title=f"See that all that must stand outside {lost} stands there",
            why="What is missing is found before anything is switched on, not in the middle.",
        ),
        Step(
            key="preview",
            title="Preview the second region with every rule",
            why="A file that was broken since the last rehearsal stops here, and nothing is half-made.",
        ),
        Step(
            key="switch-on",
            title=f"Set standby: active in the stack {environment.name.value}",
            why="It is the one difference between a pilot light and an environment that serves.",
        ),
        Step(
            key="create",
            title="Create what the second region lacks, in the order of what needs what",
            why="One run of the engine: it knows what needs what, and goes on where it was stopped.",
            creates=(
                f"{network} (there already)",
                f"{cluster} {stays}",
                *(() if aws.operators == "installed" else ("operators, each after its definitions",)),
                *(f"cell {cell.cell}" for cell in plan.cells),
                *(f"tenant {tenant.id}" for tenant in sorted(second.tenants, key=urgency)),
            ),
        ),
        Step(
            key="verify",
            title="See that every cell and every tenant of the plan is there",
            why="A rebuild counts when the tenants are there, not when a command ended.",
        ),
    )
