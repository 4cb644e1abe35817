"""The workloads whose renders are on file: a tenant of each tier, and each phase and environment that changes them."""

from datetime import date
from typing import Any

from components.workload.plan import Step, WorkloadPlan, plan_workload
from components.workload.processes import task_resources
from components.workload.values import MigrationValues, RehearsalValues, ReleaseValues
from spec.environment import EnvironmentSpec
from spec.tenant import TenantSpec
from tests.components import aws_samples, samples

TODAY = date(2026, 11, 26)
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/storefleet-production"
IMAGE = f"{REGISTRY}/odoo@sha256:{'5f' * 32}"
TOOLS = f"{REGISTRY}/tools@sha256:{'3a' * 32}"
PEAKS = [
    {"name": "Sales", "starts": "01-08", "ends": "02-04", "factor": 3.5},
    {"name": "Black Friday", "starts": "11-20", "ends": "11-30", "factor": 4.0},
]
MIGRATION = MigrationValues(
    checkpoint="acme-2026-11-26-0300",
    record_sha256="0123456789abcdef" * 4,
    deadline_seconds=3600,
    resources=task_resources(),
)
REHEARSAL = RehearsalValues(
    database="acme-rehearsal",
    secret="odoo-rehearsal",
    deadline_seconds=7200,
    resources=task_resources(),
)


def release(**changes: Any) -> ReleaseValues:
    """Return a release; its images exist nowhere."""
    content = {"version": "19.0.3", "odoo": "19.0", "image": IMAGE, "tools": TOOLS}
    return ReleaseValues.model_validate(content | changes)


def planned(
    tenant: TenantSpec, environment: EnvironmentSpec, step: Step | None = None, **changes: Any
) -> WorkloadPlan:
    """Return the plan of a tenant that runs something."""
    plan = plan_workload(tenant, environment, release(**changes), today=TODAY, step=step or Step())
    assert plan is not None
    return plan


def _asleep() -> EnvironmentSpec:
    hours = {"time_zone": "Europe/Paris", "opens": "07:00", "closes": "20:00"}
    return aws_samples.environment("staging", hours=hours)


def _dedicated() -> TenantSpec:
    domains = ["www.dune.example", "tills.dune-stores.example"]
    return samples.tenant("dune", tier="dedicated", domains=domains, peaks=PEAKS, integrations=["payments"])


def _dune() -> EnvironmentSpec:
    zones = {"storefleet.example": {}, "www.dune.example": {}, "dune-stores.example": {"source": "elsewhere"}}
    return aws_samples.environment(cache="elasticache", zones=zones)


CASES: dict[str, WorkloadPlan] = {
    "shared": planned(samples.tenant(peaks=PEAKS), aws_samples.environment()),
    "hybrid": planned(samples.tenant("corsair", tier="hybrid", peaks=PEAKS), aws_samples.environment()),
    "dedicated": planned(_dedicated(), _dune(), odoo="18.0"),
    "local": planned(samples.tenant(), samples.environment()),
    "asleep": planned(samples.tenant(), _asleep()),
    "migrate": planned(
        samples.tenant(peaks=PEAKS),
        aws_samples.environment(),
        Step(phase="migrate", migration=MIGRATION),
    ),
    "rehearsal": planned(samples.tenant(), aws_samples.environment(), Step(rehearsal=REHEARSAL)),
    "closed": planned(samples.tenant(state="suspended"), aws_samples.environment()),
}
