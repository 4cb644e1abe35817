"""Signatures of people under records: Ed25519 over canonical JSON, with the key in a file of theirs."""

import base64
import binascii
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from spec.problems import Problem, SpecError, either, printable
from spec.roster import ROSTER, Role, Roster, public_key

_MAKE: Final = "make one: openssl genpkey -algorithm ed25519 -out key.pem && chmod 600 key.pem"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def canonical(payload: Mapping[str, Any]) -> bytes:
    """Return what is signed: JSON with sorted keys and without spaces, in UTF-8."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def load_key(path: Path) -> Ed25519PrivateKey:
    """Load a private key from a PEM file that nobody else can read.

    Raises:
        SpecError: there is no such key, or others can read it. The message never repeats what the file holds.

    """
    file = printable(str(path))
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror}", _MAKE) from None
    if mode & _OTHERS:
        raise _refused(file, "can be read by others, so that they could sign as you", f"chmod 600 {file}")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _refused(file, "is not a private key in PEM without a password", _MAKE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _refused(file, "is a key of another kind", _MAKE)
    return key


def sign(payload: Mapping[str, Any], key: Ed25519PrivateKey) -> str:
    """Return the signature of a payload, in Base64."""
    return sign_bytes(canonical(payload), key)


def sign_bytes(content: bytes, key: Ed25519PrivateKey) -> str:
    """Return the signature of some bytes, in Base64."""
    return base64.b64encode(key.sign(content)).decode()


def verified(payload: Mapping[str, Any], signature: str, key: str) -> bool:
    """Say whether a signature is that of the owner of a public key under exactly this payload."""
    return verified_bytes(canonical(payload), signature, key)


def verified_bytes(content: bytes, signature: str, key: str) -> bool:
    """Say whether a signature is that of the owner of a public key under exactly these bytes."""
    try:
        public_key(key).verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def check_signer(roster: Roster, by: str, role: Role, key: Ed25519PrivateKey) -> None:
    """Refuse to sign for somebody who may not, or with a key that is not theirs.

    Raises:
        SpecError: who may, and how to become one of them.

    """
    able = sorted(email for email, approver in roster.approvers.items() if role in approver.may)
    if by not in able:
        problem = Problem(
            file=ROSTER,
            message=f"{printable(by[:80])} may not approve in the role {role}",
            allowed=either(able) if able else "nobody yet",
            fix="have somebody of them sign, or change the list first, in a change of its own",
        )
        raise SpecError([problem])
    own = base64.b64encode(
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    if own != roster.approvers[by].key:
        message = f"the key is not that of {by}"
        raise _refused("--key", message, f"sign with the key whose public half is in {ROSTER}")


def signature_problem(roster: Roster, payload: Mapping[str, Any], by: str, role: Role, signature: str) -> str:
    """Say what is wrong with a signature, in a clause; empty when it holds."""
    approver = roster.approvers.get(by)
    if approver is None:
        return f"is signed by {printable(by[:80])}, who is not in {ROSTER}"
    if role not in approver.may:
        return f"is signed by {by}, who may not approve in the role {role}"
    if not verified(payload, signature, approver.key):
        return f"does not bear the signature of {by}: it was changed after it was signed, or signed with another key"
    return ""


def _refused(file: str, message: str, fix: str) -> SpecError:
    return SpecError([Problem(file=file, message=message, fix=fix)])
