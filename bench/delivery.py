"""A wave by Argo CD against a plain apply of the same objects: python -m bench.delivery [tenants] [result.json].

Both move the same ring of the same fleet to a second release and back, on one control plane, and both end when every
Deployment of the ring is ready (by kwok: nothing runs in the pods). Argo CD has the commit to notice besides, and
compares and renders by itself; the plain apply gets its objects rendered.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from components.delivery.plan import values_file
from local.controlplane import nodes, processes
from release.bundle import chart_folder, tenant_values
from release.pointers import ENVIRONMENTS_FOLDER
from spec.fleet import load_fleet
from spec.naming import tenant_namespace
from spec.releases import load_release
from tests.integration.delivered import BASE, Delivery, deliver, eventually
from tests.integration.project import copy
from tests.workload.rendering import helm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.integration.project import Project

NEXT: Final = "18.0.2"
TENANTS: Final = 300
A_CELL: Final = 40
RINGS: Final = 4
"""A wave is the tenants of one ring: a quarter of the fleet."""
MOVED: Final = 1
LONGEST: Final = 3600.0
"""Seconds that any step may take."""
_LIKE: Final = "solvane-lyon"
_WORKERS: Final = 8


def fleet_of(project: Project, count: int) -> None:
    """Write a fleet of equal tenants, the cells that they live in, and their values under the first release."""
    like = yaml.safe_load((project.root / f"tenants/{_LIKE}.yaml").read_text(encoding="utf-8"))
    (project.root / f"tenants/{_LIKE}.yaml").unlink()
    for number in range(count):
        own = {
            "display_name": f"Shop {number}",
            "domains": [f"shop-{number}.example"],
            "cell": f"eu-{1 + number // A_CELL}",
            "ring": number % RINGS,
        }
        text = yaml.safe_dump(like | own, sort_keys=False, allow_unicode=True)
        (project.root / f"tenants/shop-{number:03}.yaml").write_text(text, encoding="utf-8")
    file = project.root / "stacks/Pulumi.local.yaml"
    stack = yaml.safe_load(file.read_text(encoding="utf-8"))
    environment = stack["config"]["storefleet:environment"]
    environment["cells"] = {
        f"eu-{1 + number}": {"tier": "shared", "jurisdiction": "eu"} for number in range(-(-count // A_CELL))
    }
    file.write_text(yaml.safe_dump(stack, sort_keys=False), encoding="utf-8")
    # The examples' pointers and values would be those of tenants that this fleet has not.
    for folder in (f"{ENVIRONMENTS_FOLDER}/local", "gitops/values/local"):
        for one in (project.root / folder).rglob("*.yaml"):
            one.unlink()
    fleet = load_fleet(project.root, "local")
    texts = tenant_values(fleet, load_release(project.root, BASE).manifest, fleet.day)
    for name, text in texts.items():
        target = project.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def room_for(delivery: Delivery, count: int) -> None:
    """Give the cluster as many more nodes as a fleet of this size asks for."""
    for number in range(1, 1 + count // 50):
        for node in nodes.manifests():
            name = f"{node['metadata']['name']}-{number}"
            own = node["metadata"] | {"name": name}
            own["labels"] = own["labels"] | {"kubernetes.io/hostname": name}
            delivery.api.apply(node | {"metadata": own})


def rendered(delivery: Delivery, tenant: str, version: str) -> list[dict[str, Any]]:
    """Return a tenant's objects under a release, as Argo CD renders them."""
    root = delivery.project.root
    values = root / values_file("local", version, tenant)
    command = [helm(), "template", "odoo", str(root / chart_folder(version)), "--values", str(values)]
    command += [
        "--namespace",
        tenant_namespace(tenant),
        "--set",
        "release.attempt=1",
        "--kube-version",
        "1.37.0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - Helm as it is pinned
    found = [one for one in yaml.safe_load_all(done.stdout) if one]
    for one in found:
        one["metadata"].setdefault("namespace", tenant_namespace(tenant))
    return found


def not_ready(delivery: Delivery, tenants: Sequence[str]) -> str:
    """Return how many Deployments of some tenants are not rolled out."""
    spaces = {tenant_namespace(name) for name in tenants}
    late = 0
    for each in delivery.api.items("/apis/apps/v1/deployments"):
        status, wanted = each.get("status", {}), each["spec"].get("replicas", 1)
        if each["metadata"]["namespace"] in spaces:
            done = status.get("observedGeneration", 0) >= each["metadata"]["generation"]
            current = (
                status.get("updatedReplicas", 0),
                status.get("readyReplicas", 0),
                status.get("replicas", 0),
            )
            late += not (done and current == (wanted, wanted, wanted))
    return f"{late} Deployments" if late else ""


def by_argo(delivery: Delivery, wave: Sequence[str], version: str) -> float:
    """Move a wave by a commit, and return after how many seconds all of it is well."""
    delivery.point(wave, version)
    begun = time.monotonic()
    delivery.commit(f"A wave to {version}")
    eventually(f"the wave to {version}", lambda: delivery.unwell(wave) or not_ready(delivery, wave), LONGEST)
    return time.monotonic() - begun


def plainly(delivery: Delivery, wave: Sequence[str], version: str) -> tuple[int, float]:
    """Apply the same objects without Argo CD, and return their number and after how many seconds all are ready."""
    objects = [one for name in wave for one in rendered(delivery, name, version)]
    begun = time.monotonic()
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(lambda one: delivery.api.apply(one, manager="bench"), objects))
    eventually(f"the plain apply of {version}", lambda: not_ready(delivery, wave), LONGEST)
    return len(objects), time.monotonic() - begun


def measure(count: int) -> dict[str, Any]:
    """Run both on one control plane and return the figures."""
    with tempfile.TemporaryDirectory(prefix="storefleet-bench-") as folder:
        project = copy(Path(folder), (_LIKE,))
        fleet_of(project, count)
        try:
            begun = time.monotonic()
            delivery = deliver(project)
            room_for(delivery, count)
            first = eventually("the first delivery", delivery.unwell, LONGEST)
            say(
                f"{count} tenants delivered: {time.monotonic() - begun:.0f} s with the platform's own objects"
            )
            delivery.release(NEXT, lambda text: text.replace("odoo@sha256:4f8e", "odoo@sha256:2222"))
            delivery.commit(f"Release {NEXT}")
            wave = delivery.ring(MOVED)
            others = [tenant.id for tenant in delivery.fleet.tenants if tenant.id not in wave]
            before = delivery.snapshot(others)
            there = by_argo(delivery, wave, NEXT)
            back = by_argo(delivery, wave, BASE)
            after = delivery.snapshot(others)
            touched = sorted(
                name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
            )
            say(
                f"a wave of {len(wave)}: {there:.0f} s there, {back:.0f} s back; {len(touched)} others touched"
            )
            for name, process in processes.running(project.state.root).items():
                if "application" in name:
                    processes.end([process])
            number, plain_there = plainly(delivery, wave, NEXT)
            _, plain_back = plainly(delivery, wave, BASE)
        finally:
            project.stop()
    return {
        "measured": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg(), "platform": platform.platform()},
        "fleet": {"tenants": count, "wave": len(wave), "objects of the wave": number},
        "others compared": len(before),
        "others touched": touched,
        "seconds": {
            "first delivery": round(first, 1),
            "argo there": round(there, 1),
            "argo back": round(back, 1),
            "plain there": round(plain_there, 1),
            "plain back": round(plain_back, 1),
        },
        "ratio of a wave to a plain apply": round((there + back) / (plain_there + plain_back), 2),
    }


def say(line: str) -> None:
    """Print how far it is."""
    print(line, flush=True)  # noqa: T201 - a benchmark talks to who started it


def main() -> None:
    """Measure, print, and write the result where a file is named."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TENANTS
    result = measure(count)
    text = json.dumps(result, indent=2) + "\n"
    say(text)
    if len(sys.argv) > 2:  # noqa: PLR2004 - a size and a file
        Path(sys.argv[2]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
