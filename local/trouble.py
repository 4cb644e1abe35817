"""What goes wrong with the machine rather than with the product, in one clear message each."""

from __future__ import annotations

import errno
import re
from typing import NamedTuple


class EnvironmentTrouble(Exception):  # noqa: N818
    """The machine, the network or another process stands in the way; the text says what to do."""


class _Cause(NamedTuple):
    pattern: str
    advice: str


_CAUSES = (
    _Cause(
        pattern=r"no space left on device|disk quota exceeded|ENOSPC",
        advice="The disk is full. Free some space (a cold build needs about 15 GB under the cache folder, most "
        "of it Go's build cache) and run the command again: what is finished is kept.",
    ),
    _Cause(
        pattern=r"x509: |certificate verify failed|invalid peer certificate",
        advice="The certificate of the package registry is not trusted here, as behind a proxy that opens TLS. Set "
        "SSL_CERT_FILE to the proxy's certificates, or GOPROXY and UV_INDEX_URL to a mirror, and run the command "
        "again: what is finished is kept.",
    ),
    _Cause(
        pattern=r"lookup disabled by GOPROXY=off",
        advice="GOPROXY=off forbids every download. Unset it, or point it at a mirror, and run the command again.",
    ),
    _Cause(
        pattern=r"dial tcp|no such host|connection refused|connection reset|i/o timeout|network is unreachable"
        r"|TLS handshake timeout|Temporary failure in name resolution|dns error|error sending request"
        r"|proxyconnect|unexpected EOF|deadline exceeded|Client\.Timeout|50[0234] (?:Internal|Bad|Service|Gateway)",
        advice="The package registry cannot be reached. Check the network, or point GOPROXY and UV_INDEX_URL at "
        "a mirror, and run the command again: what is finished is kept.",
    ),
    _Cause(
        pattern=r"checksum mismatch|SECURITY ERROR",
        advice="A module is not the one that go.sum names. Do not use it: clear the module cache, and if it "
        "happens again, the registry or mirror serves something else than what was pinned.",
    ),
    _Cause(
        pattern=r"403 Forbidden|404 Not Found|module version is not available|410 Gone|unknown revision",
        advice="The Go module proxy does not serve a module in the pinned version. Set GOPROXY to a proxy that "
        "has it, or install the program itself in the pinned version on PATH (`storefleet doctor` names both).",
    ),
    _Cause(
        pattern=r"signal: killed|cannot allocate memory|ENOMEM",
        advice="The build was killed, most likely for want of memory: it needs about 4 GB. Free some, and run "
        "the command again: what is finished is kept.",
    ),
)


def explain(output: str) -> str | None:
    """Return what to do about a failed tool's output, or None where the cause is not a known one."""
    return next((c.advice for c in _CAUSES if re.search(c.pattern, output, re.IGNORECASE)), None)


def from_os_error(error: OSError, doing: str) -> EnvironmentTrouble:
    """Turn an operating system's refusal into advice; ``doing`` completes "while ..."."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentTrouble(f"while {doing}: {explain('no space left on device')}")
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.EACCES, errno.EPERM):
        return EnvironmentTrouble(
            f"while {doing}: {error.strerror}{where}. It may be another user's, such as root's after `sudo`: run the "
            "command as that user, or give the folder to yourself with `sudo chown -R $(id -u)`, and run it again."
        )
    return EnvironmentTrouble(f"while {doing}: {error.strerror}{where}. Mend that and run the command again.")
