"""An object store that is already there, as a stack file states it: where backups go without S3 of AWS."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

from spec.model import SpecModel
from spec.problems import refusal

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z", re.ASCII)
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z", re.ASCII)
_ALLOWED: Final = "http:// or https://, a host and perhaps a port, such as http://objects.storage.svc:9000"
_HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80
_INSIDE: Final = ("svc", "svc.cluster.local")


def endpoint(text: str) -> str:
    """Check an address of a store: a scheme, a host and perhaps a port, and nothing else."""
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        raise refusal("is not the address of an object store", allowed=_ALLOWED) from None
    if parts.username or parts.password:
        raise refusal("holds credentials", allowed=_ALLOWED, fix="keep them in the secret store")
    bare = text == f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
    if parts.scheme not in {"http", "https"} or not _HOST.match(parts.hostname or "") or not bare:
        raise refusal("is not the address of an object store", allowed=_ALLOWED)
    return text


def service_namespace(host: str) -> str | None:
    """Return the namespace of a service of the cluster (`<service>.<namespace>.svc`); None for any other host."""
    first, _, rest = host.partition(".")
    namespace, _, zone = rest.partition(".")
    return namespace if first and namespace and zone in _INSIDE else None


def _bucket(text: str) -> str:
    if not _BUCKET.match(text):
        raise refusal("is not the name of a bucket", allowed="3 to 63 lower-case letters, digits and dashes")
    return text


class ObjectStoreSpec(SpecModel):
    """An object store that speaks S3 and that somebody else runs, in the cluster or outside."""

    endpoint: Annotated[str, AfterValidator(endpoint)]
    """Its address: http:// only for one inside the cluster."""
    bucket: Annotated[str, AfterValidator(_bucket)]
    """The bucket; each cell writes below its own name."""

    @property
    def port(self) -> int:
        """The port, that of the scheme unless stated."""
        parts = urlsplit(self.endpoint)
        return parts.port or (_HTTPS_PORT if parts.scheme == "https" else _HTTP_PORT)

    @property
    def namespace(self) -> str | None:
        """The namespace of a store inside the cluster (`<service>.<namespace>.svc`); None for one outside."""
        return service_namespace(urlsplit(self.endpoint).hostname or "")
