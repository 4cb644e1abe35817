"""Dashboards as ConfigMaps that Grafana's sidecar finds by their label. They are drawn by `draw`, and on file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from components.manifests import KubeObject, manifest
from components.monitoring.routes import NAMESPACE

BOARDS: Final = Path(__file__).with_name("boards")
LABEL: Final = {"grafana_dashboard": "1"}
WHY: Final = {
    "fleet": "All tenants at once: who is red, in which layer, and whose budget burns.",
    "tenant": "One tenant: its checks, its traffic, its orders, its queue.",
    "cell": "One cell: its database, and which of its tenants takes how much of it.",
    "release": "While a wave moves: the gates of its tenants, and the figures of each check over time.",
}


def dashboards(own: dict[str, str]) -> Iterator[KubeObject]:
    """Yield a ConfigMap for each dashboard."""
    for name, why in WHY.items():
        text = (BOARDS / f"{name}.json").read_text(encoding="utf-8")
        yield KubeObject(
            key=f"dashboard-{name}",
            manifest=manifest(
                "v1",
                "ConfigMap",
                f"dashboard-{name}",
                namespace=NAMESPACE,
                labels={**own, **LABEL},
                data={f"storefleet-{name}.json": text},
            ),
            why=why,
        )
