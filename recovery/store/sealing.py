"""Sealing: what leaves the machine is encrypted with age, to recipients whose keys the backup job does not have.

A job that can write backups can so read none of them; `age -d -i <identity>` opens one without this program.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import pyrage as _pyrage  # pyright: ignore[reportMissingTypeStubs] - it has none

from recovery.trouble import NotWhole, RecoveryFailed
from spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

# The library has no types of its own: these are the calls that are used, as it documents them.


class _Keys(Protocol):
    def from_str(self, text: str) -> object: ...


class _Pair(Protocol):
    def to_public(self) -> object: ...


class _Pairs(_Keys, Protocol):
    def generate(self) -> _Pair: ...


class _X25519(Protocol):
    Recipient: _Keys
    Identity: _Pairs


class _Age(Protocol):
    x25519: _X25519

    def encrypt_io(self, reader: BinaryIO, writer: BinaryIO, recipients: Sequence[object]) -> None: ...
    def decrypt_io(self, reader: BinaryIO, writer: BinaryIO, identities: Sequence[object]) -> None: ...


_age = cast("_Age", _pyrage)
_errors: tuple[type[Exception], ...] = (
    cast("Any", _pyrage).DecryptError,
    cast("Any", _pyrage).EncryptError,
    cast("Any", _pyrage).IdentityError,
    cast("Any", _pyrage).RecipientError,
)


class Hashing(io.RawIOBase):
    """A file that is written through: it counts and hashes what passes. Wraps a binary file."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self._inner = inner
        self._sum = hashlib.sha256()
        self.size = 0
        self.trouble: OSError | None = None
        """Why it could not be written; the library turns it into an error of its own."""

    def writable(self) -> bool:
        """Say that it takes bytes."""
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer, as RawIOBase has it
        """Write all of `data`."""
        try:
            self._inner.write(data)
        except OSError as error:
            self.trouble = error
            raise
        self._sum.update(data)
        self.size += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Of everything that was written, as hexadecimal digits."""
        return self._sum.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A sealed file: the SHA-256 and size of its bytes as they are stored."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Recipients:
    """The public keys to which everything is sealed: at least one, ``age1...``."""

    names: tuple[str, ...]

    def seal(self, reader: BinaryIO, writer: BinaryIO) -> Sealed:
        """Encrypt everything of `reader` into `writer`."""
        through = Hashing(writer)
        keys = [_age.x25519.Recipient.from_str(name) for name in self.names]
        try:
            _age.encrypt_io(reader, cast("BinaryIO", through), keys)
        except _errors as error:
            raise through.trouble or RecoveryFailed(f"nothing could be sealed: {error}") from None
        return Sealed(sha256=through.sha256, size=through.size)


@dataclass(frozen=True)
class Identity:
    """A private key. Its text is never shown."""

    text: str

    def __repr__(self) -> str:
        return "Identity(not shown)"

    def open(self, reader: BinaryIO, writer: BinaryIO, what: str) -> Sealed:
        """Decrypt everything of `reader` into `writer`; returns hash and size of the plain content.

        Raises:
            NotWhole: it was changed, cut short, or sealed to others.

        """
        through = Hashing(writer)
        try:
            key = _age.x25519.Identity.from_str(self.text)
            _age.decrypt_io(reader, cast("BinaryIO", through), [key])
        except (*_errors, OSError, ValueError) as error:
            if through.trouble is not None:
                raise through.trouble from None
            raise NotWhole(
                f"{what} cannot be opened: {error}. It was changed, or sealed to other keys than this identity's"
            ) from None
        return Sealed(sha256=through.sha256, size=through.size)


def generate() -> tuple[str, str]:
    """Make a pair of keys: the private one, as a file holds it, and the public one."""
    made = _age.x25519.Identity.generate()
    return str(made), str(made.to_public())


def recipients(text: str, where: str) -> Recipients:
    """Read recipients: public keys with spaces or commas between, or the path of a file with one a line.

    Raises:
        SpecError: there is none, or one is no key.

    """
    source = text
    if text and not text.startswith("age1"):
        source = _file(text, where)
    lines = [line.partition("#")[0] for line in source.splitlines()]
    names = tuple(" ".join(lines).replace(",", " ").split())
    for name in names or ("",):
        try:
            _age.x25519.Recipient.from_str(name)
        except _errors:
            raise SpecError([_problem(where, "is no list of public keys")]) from None
    return Recipients(names=names)


def identity(path: str, where: str) -> Identity:
    """Read a private key from a file as `age-keygen` writes it.

    Raises:
        SpecError: the file is not there or holds no key.

    """
    lines = _file(path, where).splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        _age.x25519.Identity.from_str(keys[0] if keys else "")
    except _errors:
        raise SpecError([_problem(where, f"names {path}, which holds no private key of age")]) from None
    return Identity(keys[0])


def _file(path: str, where: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SpecError([_problem(where, f"names {path}, which cannot be read: {reason}")]) from None


def _problem(where: str, message: str) -> Problem:
    return Problem(
        file="the environment of this process",
        field=where,
        message=message,
        allowed="age1... for recipients; the path of a file by `age-keygen` for an identity",
        fix="make a pair with `storefleet backup keygen <file>`, and keep the file where backups are not",
    )
