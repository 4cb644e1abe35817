"""Where the engine, its plugins, its state and its keys are, as environment variables for a run."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from local import languagehost
from local.state import ROOT, State, secret, write
from local.toolchain import catalog, found

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL = "local"
"""The stack of the embedded environment."""
_NO_LOGS: Final = (
    "This file keeps the engine from logging every value of every run in a folder of this name.\n"
)


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An engine that is ready to run: the CLI and the variables that a run of it needs."""

    pulumi: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the calling process with the engine's variables in the place of any others."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        return {**own, **self.variables}


def install(state: State, programs: Mapping[str, Path]) -> Installation:
    """Put an engine together below the state folder from built programs, or around an official Pulumi.

    Programs are linked, not copied, where the file system allows it; nothing is downloaded here.
    """
    home, backend = state.engine / "home", state.engine / "state"
    home.mkdir(parents=True, exist_ok=True)
    backend.mkdir(parents=True, exist_ok=True)
    _without_automatic_logs(home)
    official = found.official_pulumi()
    pulumi = official or _bin(state, programs[catalog.PULUMI.name])
    for provider in catalog.PROVIDERS:
        _place(programs[provider.name], found.plugin_folder(home, provider) / provider.name)
    secret(state.passphrase)
    variables = {
        "PATH": os.pathsep.join([str(pulumi.parent), os.environ.get("PATH", os.defpath)]),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state.passphrase),
        "PULUMI_OPTION_CONFIG_FILE": str(_configuration(state)),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "STOREFLEET_KUBECONFIG": str(state.kubeconfig),
        # The engine and its program talk over loopback, and Python's gRPC would do that through a proxy.
        "NO_PROXY": _no_proxy(),
        "no_proxy": _no_proxy(),
    }
    return Installation(pulumi=pulumi, variables=variables)


def _without_automatic_logs(home: Path) -> None:
    """Keep the engine from its log of every value of every run: a file stands where the folder would be.

    The log begins in plain text, secrets among it, and was a third of the processor's time of an unchanged
    preview of 702 resources. There is no switch for it; the engine goes on without a log that it cannot
    write, and ``pulumi -v`` logs as ever.
    """
    logs = home / "logs"
    if logs.is_dir():
        shutil.rmtree(logs)
    if not logs.exists():
        write(logs, _NO_LOGS)


def _no_proxy() -> str:
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return ",".join(dict.fromkeys([*filter(None, known.split(",")), "127.0.0.1", "localhost"]))


def _bin(state: State, pulumi: Path) -> Path:
    """The engine looks for its language host beside the real file of its CLI, so both go into one folder."""
    target = state.engine / "bin" / pulumi.name
    _place(pulumi, target)
    package = Path(languagehost.__file__).parent.parent.parent
    python, module = shlex.quote(sys.executable), found.OURS.decode()
    launcher = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(package))} exec {python} -m {module} "$@"\n'
    host = target.with_name("pulumi-language-python")
    if not host.exists() or host.read_text() != launcher:
        write(host, launcher, mode=0o755)
    return target


def _place(source: Path, target: Path) -> None:
    source = source.resolve()  # a link to a link would point nowhere from its new place
    if target.exists() and source.stat().st_ino == target.stat().st_ino:
        return
    if target.exists() and target.stat().st_size == source.stat().st_size and _same_time(source, target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _same_time(source: Path, target: Path) -> bool:
    return int(source.stat().st_mtime) == int(target.stat().st_mtime)


def _configuration(state: State) -> Path:
    """The stack file as committed, with the key salt of this machine's secrets provider added.

    The engine writes the salt into the stack file of a passphrase provider; the passphrase here is this
    checkout's own, so its salt must not get into the committed file.
    """
    committed = ROOT / "stacks" / f"Pulumi.{LOCAL}.yaml"
    target = state.engine / committed.name
    salt = _salt(target)
    content = (f"encryptionsalt: {salt}\n" if salt else "") + committed.read_text()
    if not target.exists() or target.read_text(errors="replace") != content:
        write(target, content)
    return target


def _salt(file: Path) -> str:
    """Return the salt that the engine wrote into its copy of the stack file, "" where there is none.

    A copy that a killed engine left half-written has none either: the engine takes it from its state then.
    """
    try:
        data: Any = YAML(typ="safe").load(file.read_text())  # pyright: ignore[reportUnknownMemberType]
        return str(data.get("encryptionsalt", ""))
    except (OSError, ValueError, AttributeError, YAMLError):
        return ""
