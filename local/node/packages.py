"""containerd, runc, the plugins of the network and iptables: Debian's packages by hash, unpacked, never installed."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local.toolchain import cache
from local.trouble import EnvironmentTrouble, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS: Final = 300
_TOOLS: Final = ("iptables", "iptables-save", "iptables-restore")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of Debian: its version, and the SHA-256 of its file for amd64."""

    name: str
    version: str
    sha256: str


PACKAGES: Final = (
    Package(
        name="containerd",
        version="1.6.20~ds1-1+deb12u3",
        sha256="8669d264eeb0fcdb4a0b1ba436ab88ec5dafde4a66e1278ec279d830db4c2216",
    ),
    Package(
        name="runc",
        version="1.1.5+ds1-1+deb12u1",
        sha256="a00351f8c0318de0b424ecf5cd0fdb69880a89f3511cae4f6fff7de3e57881c5",
    ),
    Package(
        name="containernetworking-plugins",
        version="1.1.1+ds1-3+b5",
        sha256="4cac8143474d1249b19f7b0e80b8d0daaa6dfdaa8bd514bc468d38d4a108099f",
    ),
    Package(
        name="iptables",
        version="1.8.9-2",
        sha256="2928d3ca6ca8a3dc3f423f6752822b1f3614a5ba609ff7806bcba4449ffe90e1",
    ),
    Package(
        name="libip4tc2",
        version="1.8.9-2",
        sha256="f2c48b367f9ec13f9aa577e7ccf81b371ce5d5fe22dddf9d7aa99f1e0bb7cfc4",
    ),
    Package(
        name="libip6tc2",
        version="1.8.9-2",
        sha256="be88db3dfa2fe3345ea343207f7c75345602686121e579023d021c348b9b4f4d",
    ),
    Package(
        name="libnftnl11",
        version="1.2.4-2",
        sha256="9e619e1470a1915264e906020f3bfc046fd8458043b1342686d997b5078213af",
    ),
    Package(
        name="libxtables12",
        version="1.8.9-2",
        sha256="cb841d66950a43af4a398625313d2f3da9065299c9738538de6c2c3495857040",
    ),
    Package(
        name="libmnl0",
        version="1.0.4-3",
        sha256="4581f42e3373cb72f9ea4e88163b17873afca614a6c6f54637e95aa75983ea7c",
    ),
    Package(
        name="libnfnetlink0",
        version="1.0.2-2",
        sha256="ae5cbba417ea48f34c1f72c27e8146a81f20614c1296bca2cd7234c8215fddcc",
    ),
    Package(
        name="libnetfilter-conntrack3",
        version="1.0.9-3",
        sha256="65f1539238f60fcc85d115acd640474f45c77bfddcf402eb7d75965a783c2bc8",
    ),
    Package(
        name="libseccomp2",
        version="2.5.4-1+deb12u1",
        sha256="108fe67957ca7cf9ba51d801118a1b37d404bea7b6e365025cd00779e9eca38d",
    ),
)


def folder() -> Path:
    """Return where the unpacked packages are or will be; nothing is downloaded or written."""
    return cache.root() / "debian" / cache.key(*PACKAGES, _TOOLS)


def ensure() -> Path:
    """Return a folder with all packages unpacked, from the cache or from Debian.

    Raises EnvironmentTrouble where this machine has no apt of the right kind, or the files are not the pinned ones.
    """
    unpacked = folder()
    if cache.finished(unpacked):
        return unpacked
    refuse_elsewhere()
    with cache.making(unpacked) as target, tempfile.TemporaryDirectory() as place:
        for package in PACKAGES:
            _run(["apt-get", "download", f"{package.name}={package.version}"], place)
            (file,) = Path(place).glob(f"{package.name}_*.deb")
            found = hashlib.sha256(file.read_bytes()).hexdigest()
            if found != package.sha256:
                raise EnvironmentTrouble(
                    f"{file.name} is not the file that is pinned: its SHA-256 is {found}, and {package.sha256} was "
                    "reviewed. Do not use it."
                )
            _run(["dpkg-deb", "--extract", str(file), str(target)], place)
        tools = target / "tools"
        tools.mkdir()
        for name in _TOOLS:  # Debian names them when it installs the package
            (tools / name).symlink_to("../usr/sbin/xtables-nft-multi")
    return unpacked


def refuse_elsewhere() -> None:
    """Raise EnvironmentTrouble on a machine that can neither find nor get the packages."""
    if cache.finished(folder()):
        return
    if platform.machine() != "x86_64" or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise EnvironmentTrouble(
            "a real node needs Debian's packages for amd64, and this machine has no apt-get for them: point "
            "KUBECONFIG at a cluster of kind, k3d or another one instead."
        )


def environment(unpacked: Path) -> dict[str, str]:
    """Return what a program needs in its environment to find the unpacked tools and libraries."""
    libraries = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
    places = ("tools", "usr/sbin", "usr/bin", "sbin")
    return {
        "LD_LIBRARY_PATH": ":".join(str(unpacked / name) for name in libraries),
        "PATH": ":".join(
            [*(str(unpacked / name) for name in places), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        ),
        "XTABLES_LIBDIR": str(unpacked / "usr/lib/x86_64-linux-gnu/xtables"),
    }


def _run(command: Sequence[str], place: str) -> None:
    done = subprocess.run(  # noqa: S603
        command, cwd=place, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        output = done.stderr.strip()
        advice = (
            explain(output) or "apt-get update may bring what it knows up to date; the version is pinned."
        )
        raise EnvironmentTrouble(f"{' '.join(command[:3])} failed:\n{output}\n{advice}")
