"""Who is told of which alert, and when: by severity and the tenant's criticality. Addresses are in a Secret."""

from typing import Any, Final

from components.labelling import environment_labels
from components.manifests import KubeObject, manifest
from spec.environment import EnvironmentSpec

NAMESPACE: Final = "monitoring"
NAME: Final = "storefleet"
RECEIVERS: Final = "alertmanager-config"
"""The Secret with the receivers' addresses: a URL of a webhook a field, which every pager and ticket system has."""
PAGE: Final = "page-url"
TICKET: Final = "ticket-url"

_AT_ONCE: Final = "critical|high"
_NIGHT: Final = "nights-and-weekends"


def alert_routes(environment: EnvironmentSpec) -> KubeObject:
    """Plan the routes: one message for a cell and a check, whatever the number of its tenants that are affected."""

    def when(name: str, value: str, kind: str = "=") -> dict[str, str]:
        return {"name": name, "matchType": kind, "value": value}

    def receiver(name: str, key: str) -> dict[str, Any]:
        hook = {"sendResolved": True, "urlSecret": {"name": RECEIVERS, "key": key}}
        return {"name": name, "webhookConfigs": [hook]}

    routes = [
        # What the chart's own rules say always: that alerts arrive at all is watched from outside.
        {"receiver": "nobody", "matchers": [when("alertname", "Watchdog|InfoInhibitor", "=~")]},
        {
            "receiver": "page",
            "matchers": [when("severity", "page|critical", "=~"), when("criticality", _AT_ONCE, "=~")],
            "groupWait": "15s",
            "repeatInterval": "1h",
        },
        {
            "receiver": "page",
            "matchers": [when("severity", "page|critical", "=~")],
            "groupWait": "1m",
            "repeatInterval": "4h",
            "muteTimeIntervals": [_NIGHT],
        },
    ]
    spec = {
        "route": {
            "receiver": "ticket",
            "groupBy": ["alertname", "cell", "layer", "check", "namespace"],
            "groupWait": "2m",
            "groupInterval": "5m",
            "repeatInterval": "24h",
            "routes": routes,
        },
        "receivers": [receiver("page", PAGE), receiver("ticket", TICKET), {"name": "nobody"}],
        "inhibitRules": [
            # Where a tenant cannot be measured, what it burns and fails is of the past.
            {
                "sourceMatch": [when("alertname", "StorefleetKnowsNoTenant")],
                "targetMatch": [when("alertname", "Storefleet.*", "=~"), when("tenant", ".+", "=~")],
            },
            {
                "sourceMatch": [when("severity", "page")],
                "targetMatch": [when("severity", "ticket")],
                "equal": ["alertname", "tenant", "objective"],
            },
        ],
        "muteTimeIntervals": [
            {
                "name": _NIGHT,
                "timeIntervals": [
                    {"weekdays": ["saturday:sunday"]},
                    {
                        "times": [
                            {"startTime": "00:00", "endTime": "06:00"},
                            {"startTime": "20:00", "endTime": "24:00"},
                        ]
                    },
                ],
            }
        ],
    }
    return KubeObject(
        key="routes",
        manifest=manifest(
            "monitoring.coreos.com/v1alpha1",
            "AlertmanagerConfig",
            NAME,
            namespace=NAMESPACE,
            labels=environment_labels(environment.name),
            spec=spec,
        ),
        why=(
            "A critical or high tenant's alert wakes somebody at once; any other one waits for the day (UTC), and what "
            "can wait becomes a ticket."
        ),
    )
