"""The command of each process of Argo CD. The API server, its page and Dex are left out: nobody signs on here.

All of them listen on loopback but one: the application controller serves its metrics on every address of the machine,
and has no setting for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.state import secret, write
from spec.naming import ARGO_CD

if TYPE_CHECKING:
    from pathlib import Path

    from local.controlplane.processes import Service
    from local.controlplane.services import Layout
    from local.state import State

_LOOPBACK: Final = "127.0.0.1"
REVISION_SECONDS: Final = 5
"""How long the repository server trusts what a branch was: reading this machine's own repository costs nothing."""

_WRAPPER: Final = """\
#!/bin/sh
# Signatures of commits are not asked for here. Without this program every commit is refused, as is one that it cannot
# look at; a commit without a signature (1) is what is expected.
git verify-commit "$1" 2>&1 || [ $? -eq 1 ]
"""


def folder(state: State) -> Path:
    """Return where Argo CD keeps what it has cloned and what it reads."""
    return state.control_plane / "argocd"


def prepare(layout: Layout) -> None:
    """Make the folders and the programs that Argo CD calls by name."""
    base = folder(layout.state)
    for name in ("tmp", "tls", "ssh", "gpg/source", "gpg/keys", "plugins", "home"):
        (base / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    write(base / "bin" / "git-verify-wrapper.sh", _WRAPPER, mode=0o700)
    helm = base / "bin" / "helm"
    if not (helm.is_symlink() and helm.readlink() == layout.programs["helm"]):
        helm.unlink(missing_ok=True)
        helm.symlink_to(layout.programs["helm"])


def redis(layout: Layout) -> Service:
    """The cache: lost at every stop, and filled again."""
    return layout.service(
        "redis",
        "miniredis",
        f"-address={_address(layout, 'redis')}",
        environment={"REDIS_PASSWORD": _password(layout)},
    )


def repo_server(layout: Layout) -> Service:
    """The one that reads the repository and renders the charts, with Helm."""
    return layout.service(
        "repo-server",
        "argocd",
        f"--address={_LOOPBACK}",
        f"--port={layout.ports['repo-server']}",
        f"--metrics-address={_LOOPBACK}",
        f"--metrics-port={layout.ports['repo-server-metrics']}",
        f"--redis={_address(layout, 'redis')}",
        "--parallelismlimit=4",
        f"--revision-cache-expiration={REVISION_SECONDS}s",
        "--disable-tls",
        "--client-ca-path=",
        "--loglevel=warn",
        environment=_environment(layout, "argocd-repo-server"),
    )


def application_controller(layout: Layout) -> Service:
    """The one that compares, applies and mends."""
    return layout.service(
        "application-controller",
        "argocd",
        f"--namespace={ARGO_CD}",
        f"--redis={_address(layout, 'redis')}",
        f"--repo-server={_address(layout, 'repo-server')}",
        "--repo-server-plaintext",
        "--repo-server-timeout-seconds=120",
        f"--metrics-port={layout.ports['application-controller']}",
        "--app-resync=180",
        "--self-heal-timeout-seconds=5",
        "--status-processors=8",
        "--operation-processors=6",
        "--loglevel=warn",
        environment=_environment(layout, "argocd-application-controller"),
    )


def applicationset_controller(layout: Layout) -> Service:
    """The one that makes an Application of each pointer."""
    return layout.service(
        "applicationset-controller",
        "argocd",
        f"--namespace={ARGO_CD}",
        f"--argocd-repo-server={_address(layout, 'repo-server')}",
        "--repo-server-plaintext",
        "--metrics-addr=0",
        "--probe-addr=0",
        f"--webhook-addr={_address(layout, 'applicationset-controller')}",
        "--enable-leader-election=false",
        "--concurrent-application-updates=5",
        "--loglevel=warn",
        environment=_environment(layout, "argocd-applicationset-controller"),
    )


def _address(layout: Layout, port: str) -> str:
    return f"{_LOOPBACK}:{layout.ports[port]}"


def _password(layout: Layout) -> str:
    return secret(folder(layout.state) / "redis-password")


def _environment(layout: Layout, acts_as: str) -> dict[str, str]:
    base = folder(layout.state)
    return {
        "ARGOCD_BINARY_NAME": acts_as,
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GNUPGHOME": str(base / "gpg" / "keys"),
        "ARGOCD_GPG_DATA_PATH": str(base / "gpg" / "source"),
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_K8S_CLIENT_QPS": "200",
        "ARGOCD_K8S_CLIENT_BURST": "400",
        "ARGOCD_PLUGINSOCKFILEPATH": str(base / "plugins"),
        "ARGOCD_SSH_DATA_PATH": str(base / "ssh"),
        "ARGOCD_TLS_DATA_PATH": str(base / "tls"),
        # Neither a setting of the user nor one of the machine changes what is read.
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(base / "home"),
        "KUBECONFIG": str(layout.kubeconfig("argocd")),
        "PATH": f"{base / 'bin'}:/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
        "REDIS_PASSWORD": _password(layout),
        "TMPDIR": str(base / "tmp"),
    }
