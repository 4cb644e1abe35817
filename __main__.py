"""Storefleet's program: read what people wrote, plan, declare the plan, export where things are."""

import os
from pathlib import Path

import pulumi

from components.cluster.component import cluster_provider
from components.cluster.plan import plan_cluster
from components.environment import build_environment
from components.plan import plan_environment
from spec.fleet import load_fleet
from spec.problems import SpecError

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Read and plan everything before the first resource is registered: a mistake registers nothing."""
    try:
        fleet = load_fleet(ROOT, pulumi.get_stack(), pulumi.Config().get_object("environment"))
        cluster = plan_cluster(fleet.environment, ROOT, os.environ)
    except SpecError as error:
        raise pulumi.RunError(str(error)) from error
    plan = plan_environment(fleet)
    outputs = build_environment(plan, cluster_provider(cluster))
    pulumi.export("cells", {cell_id: cell.namespace for cell_id, cell in outputs.cells.items()})
    pulumi.export("tenants", {tenant_id: tenant.namespace for tenant_id, tenant in outputs.tenants.items()})
    pulumi.export("teamRole", outputs.platform.team_role)


main()
