"""A checkout whose stack says `pods: real`, and what the operators that do not run here would have made in it."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.kube import ApiError
from local.node.run import node
from spec.naming import cell_namespace, tenant_namespace
from tests.integration.project import Project, copy
from tests.node.workloads.platform import cache_users, eventually, secret

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

CELL, TENANT = "eu-1", "acme"
SECONDS = 1500
"""Longest that a command may take here: images are built, and a database is started."""
STACK = """\
config:
  pulumi:disable-default-providers: ["*"]
  storefleet:environment:
    cluster: {source: embedded, pods: real}
    cluster_networks: [10.0.0.0/8, 198.18.0.0/15]
    wait_seconds: SECONDS
    cells:
CELLS
    tenants: [acme]
"""
TENANT_FILE = """\
display_name: Acme
group: acme-group
country: FR
residency: eu
time_zone: Europe/Paris
currency: EUR
domains: [www.acme.example]
contacts: {business: trade@acme.example, technical: it@acme.example}
criticality: standard
data_sensitivity: personal
customisation: light
release_tolerance: normal
orders_per_day: 500
tier: shared
cell: eu-1
ring: 2
"""


@dataclass
class Running:
    """A checkout of its own, and the passwords that stand for its store of secrets."""

    project: Project
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> Any:
        return self.project.api

    @property
    def cell(self) -> str:
        return cell_namespace(CELL)

    @property
    def tenant(self) -> str:
        return tenant_namespace(TENANT)

    def says(self, *cells: str, wait_seconds: int = 900) -> None:
        """Write the stack file, with these cells beside the tenant's own."""
        lines = "\n".join(f"      {each}: {{tier: shared, jurisdiction: eu}}" for each in (CELL, *cells))
        stack = STACK.replace("SECONDS", str(wait_seconds)).replace("CELLS", lines)
        (self.project.root / "stacks" / "Pulumi.local.yaml").write_text(stack)

    def password(self, name: str) -> str:
        return self.passwords.setdefault(name, secrets.token_urlsafe(24))

    def give_cache_users(self, cell: str = CELL) -> None:
        """Make the Secret that External Secrets makes elsewhere: without it no pod of the cache starts."""
        passwords = {TENANT: self.password("cache")}
        self.api.apply(cache_users(cell_namespace(cell), self.password("operator"), passwords))

    def give_role(self) -> None:
        """Make the Secret of the tenant's role, likewise."""
        login = {"username": TENANT, "password": self.password("role")}
        self.api.apply(secret(self.tenant, self.cell, login, "kubernetes.io/basic-auth"))

    def there(self, path: str) -> Any:
        """Return an object; None where it is not there, or nobody answers yet."""
        try:
            return self.api.get(path)
        except (ApiError, OSError):
            return None

    def stop(self) -> None:
        node(self.project.state).stop()
        self.project.stop()


def checkout(folder: Path) -> Running:
    """Return a checkout with one tenant and one cell whose pods run."""
    made = Running(copy(folder, ()))
    file = made.project.root / "tenants" / f"{TENANT}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(TENANT_FILE)
    made.says()
    return made


class Up:
    """`storefleet up` while it runs: what it says, and when it ended."""

    def __init__(self, running: Running, *arguments: str) -> None:
        self._child: subprocess.Popen[str] = running.project.start("up", *arguments)
        self.said = ""
        self.ended = 0.0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def end(self, status: int = 0) -> str:
        """Wait for the end, which must be with a status, and return what was said."""
        self._reader.join(SECONDS)
        assert not self._reader.is_alive(), f"up did not end:\n{self.said}"
        found = self._child.wait()
        assert found == status, f"up ended with {found}, and {status} was due:\n{self.said}"
        assert "Traceback" not in self.said, f"a user was shown a traceback:\n{self.said}"
        return self.said

    def until(self, what: str, found: Callable[[], Any]) -> Any:
        """Return what is found while the command runs."""

        def look() -> Any:
            there = found()
            assert there or self.running, f"up ended without {what}:\n{self.said}"
            return there

        return eventually(what, look, SECONDS)

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as said:
            for line in said:
                self.said += line
        self.ended = time.time()
