"""How tenants are backed up and their backups drilled, as a stack file states it."""

import re
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

import pyrage as _pyrage  # pyright: ignore[reportMissingTypeStubs] - it has none
from pydantic import AfterValidator, Field

from spec.model import SpecModel
from spec.object_store import endpoint, service_namespace
from spec.problems import refusal

_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9./_:-]{0,199}@sha256:[0-9a-f]{64}\Z", re.ASCII)
_HINT: Final = "make a pair with `storefleet backup keygen <file>`, and keep the file where backups are not"


def _image(text: str) -> str:
    if not _IMAGE.match(text):
        allowed = "name@sha256:... with 64 hexadecimal digits; a tag may move"
        raise refusal("is not an image by its digest", allowed=allowed)
    return text


def _recipient(text: str) -> str:
    age = cast("Any", _pyrage)
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise refusal(
            "is the private half of a pair", allowed="the public half, which begins with age1", fix=_HINT
        )
    try:
        age.x25519.Recipient.from_str(text)
    except age.RecipientError:
        allowed = "age1 and 58 letters and digits, of which the last six are a checksum"
        raise refusal("is not a public key of age", allowed=allowed, fix=_HINT) from None
    return text


def _pushgateway(text: str) -> str:
    if service_namespace(urlsplit(endpoint(text)).hostname or "") is None:
        message = "is not a service of the cluster"
        raise refusal(message, allowed="http://<service>.<namespace>.svc and a port")
    return text


Recipient = Annotated[
    str, AfterValidator(_recipient), Field(json_schema_extra={"pattern": "^age1[02-9ac-hj-np-z]{58}$"})
]


class RecoverySpec(SpecModel):
    """The backups of tenants and the drills of cells: a CronJob each, in the cluster."""

    image: Annotated[str, AfterValidator(_image)]
    """The image of recovery/image, by its digest."""
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=8)]
    """Public keys to which backups are sealed; any one of the private halves opens them. None of them is in a stack."""
    pushgateway: Annotated[str, AfterValidator(_pushgateway)] | None = None
    """A Pushgateway in the cluster that is told how each run ended. None: what the jobs' own states say."""


def check_recovery(recovery: RecoverySpec | None, *, customers: bool, stored: bool) -> None:
    """Hold what a stack file says of backups against the rest of it: `stored` says whether there is a store.

    Raises:
        PydanticCustomError: customers' data would not be backed up one by one, or there is no place for backups.

    """
    if recovery is None and customers:
        message = "nothing says how the data of each tenant are backed up"
        raise refusal(message, at=("recovery",), fix="add recovery: {image: ..., recipients: [age1...]}")
    if recovery is not None and not stored:
        message = "there are backups, and nothing says where they go"
        fix = "name a store that is already there: object_store: {endpoint: ..., bucket: ...}"
        raise refusal(message, at=("recovery",), fix=fix)
