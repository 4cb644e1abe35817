"""Asking Prometheus over its HTTP API, with a time limit. Whatever is not an answer is trouble, never an empty one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from release.gates.verdict import Sample, Series
from spec.problems import Problem, SpecError, printable

VARIABLE: Final = "STOREFLEET_PROMETHEUS"
_SECONDS: Final = 20.0
_MOST_BYTES: Final = 32 * 1024 * 1024


class NoAnswerError(Exception):
    """Prometheus did not answer, or not with data; the text says why, in a clause."""


class Asking(Protocol):
    """Whoever answers PromQL."""

    def ask(self, query: str, at: datetime) -> list[Series]:
        """Return the series of an instant query; raises NoAnswerError."""
        ...


class Prometheus:
    """A Prometheus by its address, such as ``http://127.0.0.1:9090``."""

    def __init__(self, address: str) -> None:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
            problem = Problem(
                file="the command line",
                field="--prometheus",
                value=printable(address[:80]),
                message="is no address",
                allowed="http:// or https://, such as http://127.0.0.1:9090",
                fix=f"give --prometheus, or export {VARIABLE}=...",
            )
            raise SpecError([problem])
        self._address = address.rstrip("/")
        handlers = [urllib.request.ProxyHandler({})] if _is_near(address) else []
        self._opener = urllib.request.build_opener(*handlers)

    def ask(self, query: str, at: datetime) -> list[Series]:
        """Return the series that an instant query gives at a time, a range selector's with all their samples.

        Raises:
            NoAnswerError: it was not there, refused, or said something that is no complete answer.

        """
        form = urlencode({"query": query, "time": f"{at.timestamp():.3f}", "timeout": f"{_SECONDS:.0f}s"})
        request = urllib.request.Request(  # noqa: S310 - http or https, checked above
            f"{self._address}/api/v1/query",
            data=form.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                content = answer.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise NoAnswerError(f"Prometheus refused (HTTP {error.code}): {_reason(error)}") from None
        except (OSError, HTTPException) as error:
            raise NoAnswerError(f"Prometheus at {self._address} did not answer: {error}") from None
        if len(content) > _MOST_BYTES:
            raise NoAnswerError("Prometheus' answer is larger than any gate's")
        return parse(content)


def parse(content: bytes) -> list[Series]:
    """Return the series of an answer.

    Raises:
        NoAnswerError: it is no answer, or one with a warning: then some of the data may be missing.

    """
    try:
        said: dict[str, Any] = json.loads(content)
        if said["status"] != "success":
            raise NoAnswerError(f"Prometheus says {printable(str(said.get('error', said['status']))[:200])}")
        if said.get("warnings"):
            raise NoAnswerError(f"Prometheus warns: {printable(str(said['warnings'][0])[:200])}")
        kind, result = said["data"]["resultType"], said["data"]["result"]
        if kind not in ("vector", "matrix"):
            raise NoAnswerError(f"Prometheus answered with a {printable(str(kind)[:20])}, not with series")
        return [_series(each) for each in result]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoAnswerError(
            f"Prometheus' answer cannot be read ({type(error).__name__}): is this its address?"
        ) from None


def _series(found: dict[str, Any]) -> Series:
    pairs = found["values"] if "values" in found else [found["value"]]
    return Series(
        labels={str(key): str(value) for key, value in found["metric"].items()},
        samples=tuple(
            Sample(at=datetime.fromtimestamp(float(seconds), tz=UTC), value=float(value))
            for seconds, value in pairs
        ),
    )


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return printable(str(json.loads(error.read(65536))["error"])[:200])
    except (ValueError, KeyError, TypeError, OSError):
        return printable(str(error.reason)[:200])


def _is_near(address: str) -> bool:
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")
