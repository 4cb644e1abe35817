"""What is around the environment that takes over, and nobody here replicates.

Simulated, and said so where figures are shown: a loop that fills Secrets in the place of External Secrets and replicas,
serves the copies of the objects, and applies the tenant's chart in the place of Argo CD. The command that takes over
knows none of it.
"""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from components.recovery.jobs import STORE_KEYS
from components.workload.values import CacheValues
from local.kube import ApiError, KubeApi
from local.node import images
from local.node.fit import fitted
from local.node.images import table
from local.node.known import file_beside, known
from local.node.run import node
from spec.fleet import load_fleet
from spec.naming import cache_host
from tests.node.workloads import objects
from tests.node.workloads.platform import CELL, IN_PLACE, TENANT, Platform, open_to_the_test, secret
from tests.workload import rendering
from tests.workload.samples import planned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.node.workloads.engine import Running

FILES = "files-of-acme"
"""Name of the tenant's volume in the second environment."""
PROCESSES = ("web", "websocket", "cron")


@dataclass
class Around:
    """What is around the second environment: the store over the copies, the replicas of secrets, the delivery."""

    running: Running
    lost: Platform
    store: objects.Objects
    copies: Path
    replicas: list[dict[str, Any]] = field(default_factory=list)
    """The Secrets that the first environment had, read while it was there."""
    done: set[str] = field(default_factory=set)
    troubles: dict[str, str] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(120)

    def _run(self) -> None:
        steps: dict[str, Callable[[], bool]] = {
            "store": self._give_store,
            "cell": self._give_cell,
            "tenant": self._give_tenant,
            "chart": self._deliver,
        }
        while not self._stop.is_set():
            for name, step in steps.items():
                if name in self.done:
                    continue
                try:
                    if step():
                        self.done.add(name)
                except (ApiError, OSError, AssertionError, KeyError, ValueError) as error:
                    self.troubles[name] = str(error)
            self._stop.wait(0.5)

    def _api(self) -> Any:
        return KubeApi(self.running.project.state.kubeconfig)

    def _namespace(self, name: str) -> bool:
        return self._api().get(f"/api/v1/namespaces/{name}") is not None

    def _references(self) -> dict[str, str]:
        return known(file_beside(self.running.project.state.kubeconfig))

    def _give_store(self) -> bool:
        """Serve the copies where the stack says that the objects are, once there is a node to serve them on."""
        self._references()  # the node has images
        api, label = self._api(), {"kubernetes.io/metadata.name": objects.NAMESPACE}
        made = images.build(table.STORE)
        node(self.running.project.state).load(made)
        api.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": objects.NAMESPACE, "labels": label},
            }
        )
        given = {"access": objects.ROOT, "secret": self.store.keys[objects.ROOT]}
        api.apply(secret(objects.NAME, objects.NAMESPACE, given))
        for each in objects._program(made.reference):
            if each["kind"] == "Deployment":
                for volume in each["spec"]["template"]["spec"]["volumes"]:
                    if volume["name"] != "scratch":
                        del volume["emptyDir"]
                        volume["hostPath"] = {"path": str(self.copies / volume["name"])}
            api.apply(each)
        return True

    def _give_cell(self) -> bool:
        if not self._namespace(self.lost.cell):
            return False
        api, old = self._api(), self.lost
        api.apply(open_to_the_test(old.cell))
        for each in self.replicas:
            if each["metadata"]["namespace"] == old.cell:
                api.apply(each)
        return True

    def _give_tenant(self) -> bool:
        if not self._namespace(self.lost.tenant):
            return False
        self._api().apply(open_to_the_test(self.lost.tenant))
        for each in self.replicas:
            if each["metadata"]["namespace"] == self.lost.tenant:
                self._api().apply(each)
        return True

    def remember(self) -> None:
        """Read the Secrets that a store of secrets would have replicated."""
        names = {
            self.lost.cell: ("cache-users", self.lost.tenant),
            self.lost.tenant: ("odoo", STORE_KEYS),
        }
        for namespace, wanted in names.items():
            for name in wanted:
                found = self.lost.api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
                assert found, f"there is no Secret {name} in {namespace}"
                data = {key: base64.b64decode(each).decode() for key, each in found["data"].items()}
                self.replicas.append(secret(name, namespace, data, found["type"]))

    def _deliver(self) -> bool:
        """Apply the tenant's chart, as Argo CD does when the tenant's namespace is there."""
        if "tenant" not in self.done:
            return False
        api = self._api()
        if api.get(f"/api/v1/namespaces/{self.lost.tenant}/serviceaccounts/odoo") is None:
            return False
        fleet = load_fleet(self.running.project.root, "local")
        values = planned(fleet.tenant(TENANT), fleet.environment).values.document()
        values["cache"] = CacheValues(host=cache_host(CELL), tls=False).model_dump(mode="json")
        for process in PROCESSES:
            values[process]["replicas"] = 1
        place = self.running.project.root / "tests" / "chart"
        place.mkdir(exist_ok=True)
        rendered = rendering.run(values, place)
        assert rendered.returncode == 0, rendered.stderr
        images_here = self._references()
        stand_in = next(each for each in images_here.values() if "/stand-in@" in each)
        here = {name: stand_in for name, image in IN_PLACE.items() if image is table.STAND_IN}
        for document in yaml.safe_load_all(rendered.stdout):
            made = fitted(document, here) if document else None
            if made is not None and made["kind"] == "PersistentVolumeClaim":
                # The class of its tier, which admission holds it to, and a volume that is there for it: as in AWS.
                made["spec"] |= {
                    "storageClassName": document["spec"]["storageClassName"],
                    "volumeName": FILES,
                }
                api.apply(self._volume(made))
            if made is not None:
                api.apply(made)
        return True

    def _volume(self, claim: dict[str, Any]) -> dict[str, Any]:
        """Return the tenant's volume of files: a folder of this machine in the place of a file system of AWS."""
        folder = self.running.project.state.volumes / FILES
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # a folder of the node gets no group of the pod's
        spec = claim["spec"]
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": FILES},
            "spec": {
                "capacity": spec["resources"]["requests"],
                "accessModes": spec["accessModes"],
                "storageClassName": spec["storageClassName"],
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {
                    "namespace": claim["metadata"]["namespace"],
                    "name": claim["metadata"]["name"],
                },
                "hostPath": {"path": str(folder), "type": "Directory"},
            },
        }
