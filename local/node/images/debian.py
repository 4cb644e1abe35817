"""Packages of Debian as the content of images: by name, version and SHA-256, unpacked and never installed.

What an image is made of is a table (`table.py`); what that comes to, with all dependencies, stands in
`packages.json` and is made anew by `python -m local.node.images.lock`. The suite is one of point releases, without the
one of security: it moves some times a year, and a version that is pinned is served until then.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import subprocess
from fnmatch import fnmatchcase
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from local.node.images import tree
from local.toolchain import cache
from local.trouble import EnvironmentTrouble, explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.node.images.tree import Tree

LOCK: Final = Path(__file__).with_name("packages.json")
SUITE: Final = "trixie"
"""The one of CloudNativePG's own images: another system library sorts text differently."""
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SECONDS: Final = 600

BASE: Final = ("base-files", "coreutils", "dash", "libc-bin", "tzdata")
"""What programs take for granted: a shell, a few tools, time zones."""
UNNEEDED: Final = (
    *("adduser", "base-passwd", "debconf", "dpkg", "init-system-helpers", "libdebconfclient0", "login.defs"),
    *("passwd", "sensible-utils", "sysvinit-utils", "tar", "ucf", "ssl-cert", "openssl", "netbase"),
    *("libsemanage*", "libsepol2", "libpam-modules*", "libdb5.3*", "libaudit-common", "libbsd0", "libmd0"),
    *(
        "perl",
        "perl-*",
        "libperl*",
        "lib*-perl",
        "libgdbm*",
        "postgresql-common*",
        "postgresql-client-common",
    ),
    *("locales", "libc-l10n", "procps", "libproc2-0", "libllvm19", "libz3-4", "openssl-provider-legacy"),
    *("mawk", "media-types", "readline-common"),
)
"""What only the installation of packages asks for, what compiles queries to machine code, and what nobody calls."""
LEFT: Final = (
    *("usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*", "usr/share/lintian/*", "usr/share/bug/*"),
    *("usr/share/info/*", "usr/share/perl5/*", "etc/init.d/*", "etc/systemd/*", "usr/lib/systemd/*"),
    # Compiled queries need a compiler that is left out; without these the server does without, and says nothing.
    *("*/llvmjit*", "*/bitcode/*", "usr/lib/postgresql/*/lib/pgxs/*", "*/__pycache__/*"),
)


def content(roots: Sequence[str]) -> Tree:
    """Return what the packages of a row hold, with all they depend on, from the cache or from Debian.

    Raises EnvironmentTrouble where this machine has no apt of the right kind, or a file is not the pinned one.
    """
    locked = _lock()
    try:
        names = locked["sets"][key(roots)]
    except KeyError:
        raise EnvironmentTrouble(
            f"{LOCK.name} does not say what {', '.join(roots)} come to: python -m local.node.images.lock"
        ) from None
    wanted: dict[str, dict[str, str]] = {name: locked["packages"][name] for name in names}
    _fetch(wanted)
    found: Tree = tree.roots()
    for each in wanted.values():
        found |= tree.without(_unpacked(_kept(each["sha256"])), LEFT)
    return found


def key(roots: Sequence[str]) -> str:
    """Return how the lock calls what a row asks for."""
    return " ".join(sorted({*BASE, *roots}))


def resolve(rows: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return a new lock: for each row its packages with their dependencies, and every package's version and hash."""
    apt = _apt()
    _run([*apt, "update", "-qq"])
    sets: dict[str, list[str]] = {}
    packages: dict[str, dict[str, str]] = {}
    for roots in rows:
        names = key(roots).split()
        said = _run([*apt, "install", "--no-install-recommends", "--print-uris", "-y", "-qq", *names])
        files = [line.split()[1] for line in said.splitlines() if line.startswith("'")]
        found = {file.split("_")[0]: unquote(file.split("_")[1]) for file in files}
        kept = {
            name: version
            for name, version in found.items()
            if name in names or not any(fnmatchcase(name, each) for each in UNNEEDED)
        }
        sets[key(roots)] = sorted(kept)
        packages |= {name: {"version": version} for name, version in kept.items()}
    for name, each in packages.items():
        shown = _run([*_apt("apt-cache"), "show", f"{name}={each['version']}"])
        each["sha256"] = next(line.split()[1] for line in shown.splitlines() if line.startswith("SHA256:"))
    return {"suite": SUITE, "sets": sets, "packages": dict(sorted(packages.items()))}


@once
def _lock() -> dict[str, Any]:
    return json.loads(LOCK.read_text())


def _kept(sha256: str) -> Path:
    return cache.root() / "packages" / f"{sha256}.deb"


def _fetch(packages: dict[str, dict[str, str]]) -> None:
    missing = {name: each for name, each in packages.items() if not _kept(each["sha256"]).exists()}
    if not missing:
        return
    apt = _apt()
    _run([*apt, "update", "-qq"])
    place = cache.root() / "packages" / "partial"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    # Without apt's own user: it may not write into a cache that is somebody's own.
    wanted = [f"{name}={each['version']}" for name, each in missing.items()]
    _run([*apt, "-o", "APT::Sandbox::User=root", "download", "-qq", *wanted], place)
    for name, each in missing.items():
        (file,) = place.glob(f"{name}_*.deb")
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != each["sha256"]:
            raise EnvironmentTrouble(
                f"{file.name} is not the file that is pinned: its SHA-256 is {found}, and {each['sha256']} was "
                "reviewed. Do not use it."
            )
        file.rename(_kept(found))


def _unpacked(file: Path) -> Tree:
    done = subprocess.run(  # noqa: S603
        ["dpkg-deb", "--fsys-tarfile", str(file)],  # noqa: S607
        capture_output=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise EnvironmentTrouble(f"{file}: {done.stderr.decode(errors='replace').strip()}")
    return tree.read(io.BytesIO(done.stdout))


def _apt(program: str = "apt-get") -> list[str]:
    """Return apt with lists of its own, of the mirror that this machine uses: nothing of the machine's is changed."""
    if platform.machine() != "x86_64" or not all(map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb"))):
        raise EnvironmentTrouble(
            "the images of a real node are made of Debian's packages for amd64, and this machine has no apt-get for "
            "them: point KUBECONFIG at a cluster of kind, k3d or another one instead."
        )
    root = cache.root() / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    sources = root / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": root / "lists",
        "Dir::Cache": root / "cache",
        "Dir::State::status": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "Debug::NoLocking": "1",
    }
    return [program, *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


@once
def _mirror() -> str:
    said = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    for line in said.splitlines():
        if line.rstrip("/").endswith("/debian"):
            return line
    raise EnvironmentTrouble(
        "apt-get of this machine names no mirror of Debian: run it on Debian, or point KUBECONFIG at another cluster."
    )


def _run(command: Sequence[str], place: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603
        command, cwd=place, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        output = done.stderr.strip()
        advice = explain(output) or (
            f"Debian's {SUITE} may have newer versions by now: python -m local.node.images.lock pins them, to be "
            "reviewed."
        )
        raise EnvironmentTrouble(f"{command[0]} failed:\n{output[-2000:]}\n{advice}")
    return done.stdout
