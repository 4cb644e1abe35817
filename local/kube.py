"""The few calls to a Kubernetes API server that the embedded environment and the command line make."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MANAGER = "storefleet-local"
"""The field manager of what this module applies."""

_SECONDS = 20.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before a call is made again that the server had no time for."""
_TOO_MANY = 429
_NOT_FOUND = 404
_ERROR = 400


class ApiError(Exception):
    """The API server refused a call or could not be reached; the text names the call and the reason."""

    def __init__(self, call: str, status: int, reason: str) -> None:
        super().__init__(f"{call}: {reason}" + (f" (HTTP {status})" if status else ""))
        self.status = status


class KubeApi:
    """An API server by way of a kubeconfig file. Paths are the API's own, such as ``/api/v1/namespaces``."""

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        # Imported here: the library takes most of a second, and most commands never speak to a cluster.
        from kubernetes import client, config  # noqa: PLC0415
        from yaml import YAMLError  # noqa: PLC0415

        settings: Any = client.Configuration()
        load: Any = config.load_kube_config  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
        try:
            load(config_file=str(kubeconfig), context=context, client_configuration=settings)
        except (config.ConfigException, YAMLError) as error:
            raise ApiError(f"reading {kubeconfig}", 0, str(error)) from error
        if urlsplit(str(settings.host)).hostname in _LOOPBACK:
            settings.proxy = None  # the library takes one from the environment, for every address
        settings.retries = False
        self._client: Any = client.ApiClient(settings)
        self._plurals: dict[str, dict[str, tuple[str, bool]]] = {}

    def ready(self) -> bool:
        """Tell whether the API server says that it is ready; a server that is not there is not."""
        try:
            self._call("GET", "/readyz", seconds=10.0)
        except ApiError:
            return False
        return True

    def get(self, path: str, **query: str) -> dict[str, Any] | None:
        """Return what is at ``path``, or None where there is nothing."""
        try:
            return self._json("GET", path, query=query)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return the items of a list, none where the kind is not served."""
        return list((self.get(path, **query) or {}).get("items", []))

    def every(self, api_version: str, kind: str, **query: str) -> list[dict[str, Any]]:
        """Return all objects of a kind, over every namespace; none where the cluster does not know the kind."""
        try:
            path = self.collection(api_version, kind)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return []
            raise
        return self.items(path, **query)

    def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        manager: str = MANAGER,
        force: bool = True,
        dry_run: bool = False,
        strict: bool = False,
    ) -> dict[str, Any]:
        """Apply a manifest on the server's side; the fields it names become ``manager``'s.

        Without ``force``, ApiError for a field that is somebody else's and has another value; ``strict``, for one
        that the kind does not have.
        """
        query = {"fieldManager": manager, "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        if strict:
            query["fieldValidation"] = "Strict"
        kind = "application/apply-patch+yaml"
        return self._json("PATCH", self.path(manifest), query=query, body=manifest, content=kind)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create something at ``path`` and return it."""
        return self._json("POST", path, body=body)

    def merge(self, path: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Change some fields of what is at ``path`` (a JSON merge patch) and return it."""
        return self._json("PATCH", path, body=change, content="application/merge-patch+json")

    def served(self) -> set[tuple[str, str, str]]:
        """Return (group, version, plural) of every kind that the server serves; the core group is ""."""
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        groups: list[dict[str, Any]] = self._json("GET", "/apis", accept=accept)["items"]
        return {
            (str(group["metadata"].get("name", "")), str(version["version"]), str(resource["resource"]))
            for group in groups
            for version in group["versions"]
            for resource in version.get("resources", [])
        }

    def delete(self, path: str) -> None:
        """Delete what is at ``path``."""
        self._call("DELETE", path)

    def path(self, manifest: Mapping[str, Any]) -> str:
        """Return the path of a manifest's object, by what the server says of its kind."""
        base = _base(str(manifest["apiVersion"]))
        plural, namespaced = self._kind(base, str(manifest["kind"]))
        metadata: Mapping[str, Any] = manifest["metadata"]
        space = f"namespaces/{metadata.get('namespace', 'default')}/" if namespaced else ""
        return f"{base}/{space}{plural}/{metadata['name']}"

    def collection(self, api_version: str, kind: str) -> str:
        """Return the path of all objects of a kind, over every namespace."""
        base = _base(api_version)
        return f"{base}/{self._kind(base, kind)[0]}"

    def _kind(self, base: str, kind: str) -> tuple[str, bool]:
        if kind not in self._plurals.get(base, {}):
            listed: Iterable[Mapping[str, Any]] = self._json("GET", base)["resources"]
            self._plurals[base] = {
                str(r["kind"]): (str(r["name"]), bool(r["namespaced"]))
                for r in listed
                if "/" not in r["name"]
            }
        try:
            return self._plurals[base][kind]
        except KeyError:
            raise ApiError(f"GET {base}", _NOT_FOUND, f"the server has no kind {kind}") from None

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        return json.loads(self._call(method, path, **options))

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        seconds: float = _SECONDS,
    ) -> str:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        call = f"{method} {path}"
        arguments = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": content},
            auth_settings=["BearerToken"],
        )
        url, headers = arguments[1], arguments[2]
        # The library encodes what is called JSON itself, patches too, and takes any other content as text.
        data = body if "json" in content else json.dumps(body)
        waits = iter(_WAITS)
        while True:
            try:
                response = self._client.call_api(method, url, headers, data, _request_timeout=seconds)
                text = response.read().decode()
            except (HTTPError, OSError) as error:
                raise ApiError(call, 0, f"no answer ({type(error).__name__})") from error
            if response.status < _ERROR:
                return text
            # The server may ask to come again: it is busy, or has just learnt the kind. Nothing was done then.
            wait = next(waits, None) if response.status == _TOO_MANY else None
            if wait is None:
                raise ApiError(call, response.status, _reason(text))
            time.sleep(wait)


def _base(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (TypeError, ValueError, KeyError):
        return text.strip()[:200]
