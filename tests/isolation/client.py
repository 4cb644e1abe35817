"""Calls to the API server, as anybody: with impersonation, many at a time, and nothing hidden by a library."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

_THREADS = 2
"""More are slower: Python's threads and the API server share the machine's cores."""

_CONTENT = {"PATCH": "application/merge-patch+json"}


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait until something holds; the server's caches and controllers follow a change within seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.1)
    return False


@dataclass(frozen=True)
class Actor:
    """Who asks: a user and its groups. The administrator is nobody in particular."""

    user: str = ""
    groups: tuple[str, ...] = ()

    def headers(self) -> list[tuple[str, str]]:
        if not self.user:
            return []
        return [("Impersonate-User", self.user), *(("Impersonate-Group", group) for group in self.groups)]


ADMIN = Actor()


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and the object or the refusal."""

    status: int
    body: Mapping[str, Any]

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


@dataclass(frozen=True)
class Resource:
    """A kind or a subresource of it, as the server lists it: `pods` or `pods/exec`, and its API group."""

    group: str
    version: str
    name: str
    namespaced: bool

    @property
    def path(self) -> str:
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{base}/{self.name}"

    @property
    def full(self) -> str:
        return f"{self.name}.{self.group}" if self.group else self.name


class Client:
    """An API server by way of a kubeconfig with certificate files."""

    def __init__(self, kubeconfig: Path) -> None:
        document = json.loads(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self._address = urlsplit(cluster["server"]).netloc
        self._tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._tls.load_cert_chain(user["client-certificate"], user["client-key"])
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def call(
        self, method: str, path: str, body: object = None, *, actor: Actor = ADMIN, **query: str
    ) -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        target = f"{path}?{urlencode(query)}" if query else path
        content = _CONTENT.get(method, "application/json")
        headers = (*actor.headers(), ("Accept", "application/json"), ("Content-Type", content))
        try:
            response = self._send(method, target, headers, data)
        except (http.client.RemoteDisconnected, ConnectionError):  # idle for so long that the server hung up
            self._connection().close()  # the next request opens it again
            response = self._send(method, target, headers, data)
        text = response.read().decode()
        try:
            return Answer(response.status, json.loads(text))
        except ValueError:
            return Answer(response.status, {"message": text})

    def _send(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], data: bytes
    ) -> http.client.HTTPResponse:
        connection = self._connection()
        connection.putrequest(method, target)
        for name, value in headers:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        return connection.getresponse()

    def items(self, path: str) -> list[dict[str, Any]]:
        answer = self.call("GET", path)
        assert answer.status == 200, f"GET {path}: {answer.message}"
        return list(answer.body["items"])

    def reviews(self, specs: Iterable[Mapping[str, Any]]) -> list[bool]:
        """Ask the server whether each access is allowed (SubjectAccessReview), in order."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(self._review, specs))

    def resources(self) -> list[Resource]:
        """Every kind and subresource that the server knows, each in its preferred version."""
        return sorted(self._resources(), key=lambda one: (one.group, one.name))

    def _resources(self) -> Iterator[Resource]:
        groups = [("", "v1")]
        listed = self.call("GET", "/apis").body["groups"]
        groups += [(group["name"], group["preferredVersion"]["version"]) for group in listed]
        for group, version in groups:
            base = f"/apis/{group}/{version}" if group else f"/api/{version}"
            for one in self.call("GET", base).body["resources"]:
                yield Resource(group, version, one["name"], one["namespaced"])

    def _review(self, spec: Mapping[str, Any]) -> bool:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = self.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        assert answer.status == 201, answer.message
        return bool(answer.body["status"]["allowed"])

    def _connection(self) -> http.client.HTTPSConnection:
        found: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if found is None:
            found = http.client.HTTPSConnection(self._address, context=self._tls, timeout=30)
            self._local.connection = found
            self._open.append(found)
        return found
