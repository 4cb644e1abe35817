"""Who may approve what, and the public keys by which their signatures are known."""

import base64
import binascii
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import AfterValidator, Field, ValidationError, model_validator

from spec.explain import problems_of
from spec.model import SpecModel
from spec.problems import SpecError, refusal
from spec.vocabulary import Email
from spec.yaml_text import line_numbers, parse, read_text

ROSTER: Final = "gitops/approvers.yaml"


class Role(StrEnum):
    """What somebody may approve."""

    BUILD = "build"
    """Signs what was built; nobody who builds a release approves it."""
    RELEASE = "release"
    DATABASE = "database"
    PAYMENTS = "payments"
    BUSINESS = "business"
    RESTORE = "restore"
    EMERGENCY = "emergency"


def public_key(text: str) -> Ed25519PublicKey:
    """Return the key that a line of Base64 holds, as `openssl pkey -pubout -outform DER | base64` writes it.

    Raises:
        ValueError: it is not an Ed25519 public key.

    """
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise ValueError("not Base64") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")  # noqa: TRY004
    return key


def _key(text: str) -> str:
    try:
        public_key(text)
    except Exception:  # noqa: BLE001 - the library has several errors for what is not a key
        fix = "openssl pkey -in key.pem -pubout -outform DER | base64"
        raise refusal("is not an Ed25519 public key", allowed="one line of Base64", fix=fix) from None
    return text


PublicKey = Annotated[str, AfterValidator(_key)]


class Approver(SpecModel):
    """Somebody who may approve."""

    key: PublicKey
    """Public half of the Ed25519 key that they sign with, as one line of Base64."""
    may: Annotated[tuple[Role, ...], Field(min_length=1)]
    """What they may approve: release, database, payments, business, restore or emergency."""


class Roster(SpecModel):
    """What ``gitops/approvers.yaml`` contains."""

    approvers: dict[Email, Approver]
    """Who may approve what, by e-mail address."""

    @model_validator(mode="after")
    def _keys_are_of_one_person(self) -> Self:
        owners: dict[str, str] = {}
        for email, approver in self.approvers.items():
            owner = owners.setdefault(approver.key, email)
            if owner != email:
                message = f"is the key of {owner} too, so that one person could approve as two"
                raise refusal(message, at=("approvers", email, "key"), fix="give each their own")
        return self


def load_roster(root: Path) -> Roster:
    """Load the list of approvers.

    Raises:
        SpecError: it is missing, or what is wrong with it.

    """
    text = read_text(root / ROSTER, ROSTER, hint="list who may approve; docs/reference/releases.md shows how")
    data = parse(text, ROSTER)
    try:
        return Roster.model_validate(data)
    except ValidationError as error:
        lines = line_numbers(text, ROSTER)
        raise SpecError(problems_of(error, Roster, data, ROSTER, lines=lines, given="")) from None
