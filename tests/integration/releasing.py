"""What the commands of a release need besides Argo CD: people with keys, databases and a store, the last two real.

The clock of a move is turned back by git's own variables, so that nobody waits until a wave may be measured.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pyrage import x25519

from tests.recovery.servers import ACCESS, SECRET, make_gateway, make_postgres
from tests.recovery.shop import make_shop

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tests.integration.delivered import Delivery

MANAGER = "rita@storefleet.example"


@dataclass
class Releasing:
    """Somebody who carries a release out by the commands, in the repository that Argo CD reads."""

    delivery: Delivery
    folder: Path
    moved: datetime = field(
        default_factory=lambda: (datetime.now(UTC) - timedelta(hours=25)).replace(microsecond=0)
    )
    """When everything was committed that these commands commit."""
    variables: dict[str, str] = field(default_factory=dict)

    def storefleet(self, *arguments: str, status: int = 0, prometheus: str = "") -> str:
        """Run a command of the release group on the environment, and return what it says in one line."""
        stamp = f"{int(self.moved.timestamp())} +0000"
        own = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp, "STOREFLEET_PROMETHEUS": prometheus}
        for role in ("AUTHOR", "COMMITTER"):
            own |= {f"GIT_{role}_NAME": "Rita", f"GIT_{role}_EMAIL": MANAGER}
        said = self.delivery.project.run(
            "release", *arguments, "--env", "local", status=status, **own, **self.variables
        )
        return " ".join(said.split())

    def enrol(self) -> Path:
        """Name somebody who approves releases, take all tenants out of their calendars, and return the key."""
        root, key = self.delivery.project.root, Ed25519PrivateKey.generate()
        path = self.folder / "rita.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        (root / "gitops/approvers.yaml").write_text(
            f"approvers:\n  {MANAGER}:\n    key: {base64.b64encode(public).decode()}\n    may: [release]\n"
        )
        for file in (root / "tenants").glob("*.yaml"):
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(line for line in lines if not line.startswith("calendar:")))
        self.delivery.commit("Nobody is frozen, and somebody approves")
        return path


@contextmanager
def stored(tenants: Sequence[str]) -> Generator[dict[str, str]]:
    """Run a PostgreSQL with the databases of some tenants and a store, and give what the commands are told of them."""
    # Sockets have short names, so not below pytest's own folder.
    with TemporaryDirectory(prefix="sfr-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        postgres, gateway = make_postgres(folder / "pg"), make_gateway(folder / "s3")
        try:
            gateway.bucket("backups", lock_days=1)
            for name in tenants:
                make_shop(name, postgres.server.conninfo, folder / "files", orders=20, files=5)
            yield {
                "STOREFLEET_STORE": gateway.endpoint,
                "STOREFLEET_BACKUPS": "backups",
                "STOREFLEET_DATABASE": postgres.server.conninfo,
                "STOREFLEET_FILESTORE": str(folder / "files"),
                "STOREFLEET_RECIPIENTS": str(x25519.Identity.generate().to_public()),
                "STOREFLEET_SCRATCH": str(folder / "scratch"),
                "AWS_ACCESS_KEY_ID": ACCESS,
                "AWS_SECRET_ACCESS_KEY": SECRET,
            }
        finally:
            gateway.stop()
            postgres.stop()
