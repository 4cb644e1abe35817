"""What Argo CD tells people: what goes wrong with a tenant's workload, once a release."""

from typing import Any, Final

from spec import labels

ALERTMANAGER: Final = "kube-prometheus-stack-alertmanager.monitoring.svc:9093"
"""Where alerts go: to the same Alertmanager as all others, so that there is one list of who is told what."""

_ONCE: Final = "app.status.operationState.syncResult.revision"
_TRIGGERS: Final = {
    "sync-failed": (
        "app.status.operationState != nil and app.status.operationState.phase in ['Error', 'Failed']",
        "The release could not be applied",
    ),
    "degraded": (
        "app.status.health.status == 'Degraded'",
        "The workload is degraded",
    ),
    "cannot-compare": (
        "any(app.status.conditions ?? [], {.type in ['ComparisonError', 'InvalidSpecError']})",
        "What Git says cannot be rendered",
    ),
    "foreign-objects": (
        "any(app.status.conditions ?? [], {.type == 'OrphanedResourceWarning'})",
        "The namespace holds objects that Git does not know",
    ),
}


def notifications() -> dict[str, Any]:
    """Return the values of the chart for the controller of notifications: triggers, templates and who gets them."""
    return {
        "notifiers": {
            "service.alertmanager": f"targets: ['{ALERTMANAGER}']\nscheme: http\napiPath: /api/v2/alerts\n"
        },
        "triggers": {
            f"trigger.{name}": f"- when: {when}\n  oncePer: {_ONCE}\n  send: [{name}]\n"
            for name, (when, _) in _TRIGGERS.items()
        },
        "templates": {f"template.{name}": _template(name, text) for name, (_, text) in _TRIGGERS.items()},
        "subscriptions": [{"recipients": ["alertmanager"], "triggers": list(_TRIGGERS)}],
    }


def _template(name: str, text: str) -> str:
    tenant, release = (
        f'{{{{index .app.metadata.labels "{each}"}}}}' for each in (labels.TENANT, labels.RELEASE)
    )
    return (
        f"message: '{text}: {{{{.app.metadata.name}}}}'\n"
        "alertmanager:\n"
        "  labels:\n"
        f"    alertname: delivery-{name}\n"
        f"    tenant: '{tenant}'\n"
        f"    release: '{release}'\n"
        "  annotations:\n"
        f"    summary: '{text}: {tenant}, release {release}'\n"
    )
