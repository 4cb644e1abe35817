"""Writing samples to a Prometheus at the times that they are of, by its remote-write protocol (version 1).

https://prometheus.io/docs/specs/prw/remote_write_spec/ says what a request looks like: three protobuf messages, and
Snappy's block format, of which one literal is a complete block.
"""

from __future__ import annotations

import struct
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from local.trouble import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Key = tuple[tuple[str, str], ...]
"""The labels of a series with its name, in order."""

STALE: Final = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The value that ends a series: its target, or its rule, has it no more."""
_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a request; the server takes four times as much."""
_SECONDS: Final = 60.0
_SEVEN_BITS: Final = 0x7F
_HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def key_of(name: str, labels: Mapping[str, object]) -> Key:
    """Return a series as it is written; a label without a value is none."""
    own = {key: str(value) for key, value in labels.items() if str(value)}
    return tuple(sorted({**own, "__name__": name}.items()))


def write(url: str, series: Iterable[tuple[Key, Sequence[tuple[int, float]]]]) -> int:
    """Write samples to a Prometheus that takes them, and return how many there were.

    Args:
        url: its address.
        series: labels with samples, oldest first, and newer than those that are there.

    Raises:
        EnvironmentTrouble: it does not answer, or refuses: a sample is older than one of its series, or of the future.

    """
    batch, size, count = list[bytes](), 0, 0
    for key, points in series:
        message = _field(1, b"".join((*_labels(key), *_samples(points))))
        count += len(points)
        batch.append(message)
        size += len(message)
        if size > _MOST_BYTES:
            _send(url, b"".join(batch))
            batch, size = [], 0
    if batch:
        _send(url, b"".join(batch))
    return count


def _labels(key: Key) -> Iterable[bytes]:
    for name, value in key:
        yield _field(1, _field(1, name.encode()) + _field(2, value.encode()))


def _samples(points: Sequence[tuple[int, float]]) -> Iterable[bytes]:
    for at, value in points:
        moment = _varint(at)
        yield b"\x12%c\x09%b\x10%b" % (len(moment) + 10, struct.pack("<d", value), moment)


def _field(number: int, content: bytes) -> bytes:
    return b"%c%b%b" % (number << 3 | 2, _varint(len(content)), content)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > _SEVEN_BITS:
        found.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _literal(content: bytes) -> bytes:
    return _varint(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content


def _send(url: str, content: bytes) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own
        f"{url}/api/v1/write", data=_literal(content), headers=_HEADERS
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - our own
            return
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace").strip()[:300]
        raise EnvironmentTrouble(f"Prometheus refused samples: {said}") from error
    except OSError as error:
        raise EnvironmentTrouble(f"Prometheus does not take samples: {error}") from error
