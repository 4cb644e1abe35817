"""Storefleet's program: read what people wrote, plan, declare the plan, export where things are."""

import os
from pathlib import Path

import pulumi

from components.plan import plan_environment
from components.seams import build, existing_tenants, open_cloud, plan_seams, prepare
from local.kube import ApiError, KubeApi
from local.trouble import EnvironmentTrouble
from release.facts import open_exemptions, released_images
from spec.fleet import current_day, load_fleet
from spec.lifecycle import check_steps
from spec.problems import SpecError

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Read and plan everything before anything is created: a mistake changes nothing."""
    today = current_day()
    try:
        fleet = load_fleet(ROOT, pulumi.get_stack(), pulumi.Config().get_object("environment"), today=today)
        seams = plan_seams(fleet, ROOT, os.environ, today)
        cloud = open_cloud(seams)
        applied = existing_tenants(fleet, seams, cloud, KubeApi)
        check_steps(fleet, applied, today, ROOT)
        prepare(seams, ROOT)
        plan = plan_environment(fleet, applied, open_exemptions(fleet), released_images(fleet))
    except (EnvironmentTrouble, SpecError) as error:
        raise pulumi.RunError(str(error)) from error
    except ApiError as error:
        message = f"Which tenants exist cannot be read from the cluster, so nothing is planned: {error}"
        raise pulumi.RunError(message) from error
    built = build(plan, seams, cloud)
    if built.inside is not None:
        cells, tenants = built.inside.cells.items(), built.inside.tenants.items()
        pulumi.export("cells", {cell_id: cell.namespace for cell_id, cell in cells})
        pulumi.export("tenants", {tenant_id: tenant.namespace for tenant_id, tenant in tenants})
        pulumi.export("teamRole", built.inside.platform.team_role)
    if built.aws is not None:
        pulumi.export("aws", dict(built.aws.exports))


main()
