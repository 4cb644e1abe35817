"""The state folder of one checkout: keys, data, logs and the engine's state. Nothing in it is committed."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""


@dataclass(frozen=True)
class State:
    """Paths below the state folder ($STOREFLEET_STATE, else `.storefleet` in the checkout)."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig for the embedded API server."""
        return self.root / "kubeconfig"

    @property
    def control_plane(self) -> Path:
        """Keys, data and ports of the embedded control plane."""
        return self.root / "controlplane"

    @property
    def logs(self) -> Path:
        """A log file for each process of the embedded environment."""
        return self.root / "logs"

    @property
    def volumes(self) -> Path:
        """The data of the pods of a real node; it stays when the environment is stopped."""
        return self.root / "volumes"

    @property
    def engine(self) -> Path:
        """The engine's home, state, configuration and event logs."""
        return self.root / "engine"

    @property
    def passphrase(self) -> Path:
        """The key to the secrets in the engine's state; without it they cannot be read again."""
        return self.root / "passphrase"

    @property
    def lock(self) -> Path:
        """Held by the one command that may change this environment."""
        return self.root / "lock"


def state() -> State:
    """Return the state folder of this checkout, made when it is not there."""
    chosen = os.environ.get("STOREFLEET_STATE")
    root = Path(chosen).absolute() if chosen else ROOT / ".storefleet"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return State(root)


def write(path: Path, content: str | bytes, *, mode: int = 0o600, replace: bool = True) -> None:
    """Write a file in one step: a killed run leaves the old content or the new, never a part.

    Raises FileExistsError where the file is there already and must not be replaced.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)  # a machine that loses power after the rename must not have an empty file
        Path(name).chmod(mode)
        if replace:
            Path(name).rename(path)
        else:
            os.link(name, path)
            Path(name).unlink()
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def secret(path: Path) -> str:
    """Return the secret kept in ``path`` (32 random bytes, base64), made at the first call."""
    if not path.exists():
        with contextlib.suppress(
            FileExistsError
        ):  # a command at the same moment was faster: its secret counts
            write(path, secrets.token_urlsafe(32), replace=False)
    return path.read_text().strip()
