"""What Argo CD is told of an environment: what tenants' projects inherit, and one ApplicationSet a cell."""

from dataclasses import dataclass
from typing import Any, Final

from components.delivery.projects import API, CLUSTER, common_projects
from components.labelling import cell_labels, environment_labels
from components.manifests import KubeObject, manifest
from release.pointers import ENVIRONMENTS_FOLDER
from spec import labels
from spec.delivery import CHECKOUT, DeliverySpec
from spec.environment import EnvironmentSpec
from spec.fleet import Fleet
from spec.naming import ARGO_CD, HASH_DIGITS, NAME_LIMIT
from spec.releases import RELEASES_FOLDER

VALUES_FOLDER: Final = "gitops/values"
"""The values of the tenants' charts: ``<environment>/<release>/<tenant>.yaml``."""
CHART: Final = "chart"
"""Folder of the chart in a release's folder."""

_TENANT: Final = '(trimSuffix ".yaml" .path.filename)'
"""The tenant of a pointer, by the name of its file: what it says inside cannot make it another's."""


@dataclass(frozen=True, kw_only=True)
class DeliveryPlan:
    """The objects in the namespace of Argo CD that belong to no tenant; none where it delivers nothing."""

    wait_seconds: int
    objects: tuple[KubeObject, ...]


def plan_delivery(fleet: Fleet) -> DeliveryPlan:
    """Plan the delivery of a checked fleet. A tenant's own project is among the tenant's objects."""
    environment = fleet.environment
    objects: tuple[KubeObject, ...] = ()
    if environment.delivery is not None:
        repository = repository_of(environment.delivery, fleet)
        objects = (
            *common_projects(fleet, repository),
            *(
                _application_set(cell, environment, environment.delivery, repository)
                for cell in sorted(environment.cells)
            ),
        )
    return DeliveryPlan(wait_seconds=environment.wait_seconds, objects=objects)


def repository_of(delivery: DeliverySpec, fleet: Fleet) -> str:
    """Return the URL that Argo CD reads."""
    return fleet.root.as_uri() if delivery.repository == CHECKOUT else delivery.repository


def values_file(environment: str, release: str, tenant_id: str) -> str:
    """Return the path of a tenant's values under a release, relative to the project."""
    return f"{VALUES_FOLDER}/{environment}/{release}/{tenant_id}.yaml"


def bounded_template(prefix: str) -> str:
    """Return the template of a name that `spec.naming.bounded` would give for the prefix and the tenant's id."""
    cut = NAME_LIMIT - HASH_DIGITS - 2
    return (
        f'{{{{- $name := printf "{prefix}%s" {_TENANT} -}}}}'
        f"{{{{- if gt (len $name) {NAME_LIMIT} -}}}}"
        f'{{{{ trunc {cut} $name | trimSuffix "-" }}}}--{{{{ sha256sum $name | trunc {HASH_DIGITS} }}}}'
        "{{- else -}}{{ $name }}{{- end -}}"
    )


def _application_set(
    cell: str, environment: EnvironmentSpec, delivery: DeliverySpec, repository: str
) -> KubeObject:
    own = environment.name.value
    git = {
        "repoURL": repository,
        "revision": delivery.revision,
        "requeueAfterSeconds": delivery.poll_seconds,
        "files": [{"path": f"{ENVIRONMENTS_FOLDER}/{own}/{cell}/*.yaml"}],
    }
    spec: dict[str, Any] = {
        "goTemplate": True,
        "goTemplateOptions": ["missingkey=error"],
        "generators": [{"git": git}],
        # A pointer that disappears, or a repository that cannot be read, removes no Application and no object.
        "syncPolicy": {"applicationsSync": "create-update", "preserveResourcesOnDeletion": True},
        "template": _application(cell, environment, delivery, repository),
    }
    return KubeObject(
        key=f"applications-{cell}",
        manifest=manifest(
            API,
            "ApplicationSet",
            f"tenants-{cell}",
            namespace=ARGO_CD,
            labels=cell_labels(cell, environment.cells[cell], environment.name),
            spec=spec,
        ),
        why=f"An Application for each pointer of cell {cell}; a wave is a commit that moves pointers.",
    )


def _application(
    cell: str, environment: EnvironmentSpec, delivery: DeliverySpec, repository: str
) -> dict[str, Any]:
    own = environment.name.value
    namespace = bounded_template("t-")
    return {
        "metadata": {
            "name": bounded_template("odoo-"),
            "labels": {
                **environment_labels(environment.name),
                labels.TENANT: f"{{{{ {_TENANT} }}}}",
                labels.CELL: cell,
                labels.RING: "{{ .ring }}",
                labels.SEGMENT: "{{ .segment }}",
                labels.RELEASE: "{{ .release }}",
            },
        },
        "spec": {
            "project": namespace,
            "source": {
                "repoURL": repository,
                "targetRevision": delivery.revision,
                "path": f"{RELEASES_FOLDER}/{{{{ .release }}}}/{CHART}",
                "helm": {
                    "releaseName": "odoo",
                    "valueFiles": [
                        "/" + values_file(own, "{{ .release }}", f"{{{{ {_TENANT} }}}}"),
                    ],
                    # The same release once more is something else to Argo CD only if a value differs.
                    "parameters": [{"name": "release.attempt", "value": "{{ .attempt }}"}],
                },
            },
            "destination": {"server": CLUSTER, "namespace": namespace},
            "revisionHistoryLimit": 10,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True, "allowEmpty": False},
                "retry": {"limit": 3, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "2m"}},
                "syncOptions": [
                    "CreateNamespace=false",
                    "ApplyOutOfSyncOnly=true",
                    "FailOnSharedResource=true",
                    "PruneLast=true",
                ],
            },
        },
    }
