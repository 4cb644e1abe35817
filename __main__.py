"""Storefleet's program: read what people wrote, plan, declare the plan, export where things are."""

import os
from pathlib import Path

import pulumi

from components.cluster.component import cluster_provider
from components.cluster.plan import plan_cluster
from components.environment import build_environment
from components.plan import plan_environment
from components.tenancy.applied import applied_tenants
from local.kube import ApiError, KubeApi
from spec.fleet import current_day, load_fleet
from spec.lifecycle import check_steps
from spec.problems import SpecError

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Read and plan everything before the first resource is registered: a mistake registers nothing."""
    today = current_day()
    try:
        fleet = load_fleet(ROOT, pulumi.get_stack(), pulumi.Config().get_object("environment"), today=today)
        cluster = plan_cluster(fleet.environment, ROOT, os.environ)
        applied = applied_tenants(KubeApi(cluster.kubeconfig, cluster.context), fleet.environment.name)
        check_steps(fleet, applied, today, ROOT)
    except SpecError as error:
        raise pulumi.RunError(str(error)) from error
    except ApiError as error:
        message = f"Which tenants exist cannot be read from the cluster, so nothing is planned: {error}"
        raise pulumi.RunError(message) from error
    plan = plan_environment(fleet, applied)
    outputs = build_environment(plan, cluster_provider(cluster))
    pulumi.export("cells", {cell_id: cell.namespace for cell_id, cell in outputs.cells.items()})
    pulumi.export("tenants", {tenant_id: tenant.namespace for tenant_id, tenant in outputs.tenants.items()})
    pulumi.export("teamRole", outputs.platform.team_role)


main()
