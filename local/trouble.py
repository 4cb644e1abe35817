"""What goes wrong with the machine rather than with the product, in one clear message each."""

from __future__ import annotations

import errno
import re


class EnvironmentTrouble(Exception):  # noqa: N818
    """The machine, the network or another process stands in the way; the text says what to do."""


_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"no space left on device|disk quota exceeded|ENOSPC",
        "The disk is full. Free some space (a cold build needs about 12 GB under the cache folder, most of it "
        "Go's build cache) and run the command again: what is finished is kept.",
    ),
    (
        r"dial tcp|no such host|connection refused|i/o timeout|network is unreachable|TLS handshake timeout"
        r"|Temporary failure in name resolution|dns error|error sending request",
        "The package registry cannot be reached. Check the network, or point GOPROXY and UV_INDEX_URL at a "
        "mirror, and run the command again: what is finished is kept.",
    ),
    (
        r"checksum mismatch|SECURITY ERROR",
        "A module is not the one that go.sum names. Do not use it: clear the module cache "
        "(`rm -r` the folder named above), and if it happens again, the registry or mirror serves something else.",
    ),
    (
        r"403 Forbidden|404 Not Found|module version is not available|410 Gone|unknown revision",
        "The Go module proxy does not serve a module in the pinned version. Set GOPROXY to a proxy that has it, "
        "or install the program itself in the pinned version on PATH (`storefleet doctor` names both).",
    ),
    (
        r"signal: killed|cannot allocate memory|ENOMEM",
        "The build was killed, most likely for want of memory: it needs about 4 GB. "
        "Free some, and run the command again: what is finished is kept.",
    ),
)


def explain(output: str) -> str | None:
    """Return what to do about a failed tool's output, or None where the cause is not a known one."""
    for pattern, advice in _CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return advice
    return None


def from_os_error(error: OSError, doing: str) -> EnvironmentTrouble:
    """Turn an operating system's refusal into advice; ``doing`` completes "while ..."."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentTrouble(f"while {doing}: {explain('no space left on device')}")
    where = f" ({error.filename})" if error.filename else ""
    return EnvironmentTrouble(f"while {doing}: {error.strerror}{where}. Mend that and run the command again.")
