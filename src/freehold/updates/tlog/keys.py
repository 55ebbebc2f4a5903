"""Keys of logs and witnesses in their text forms, and the mathematics of their signatures.

A *verifier key* (vkey) is ``name+id+base64(type, public key)`` as in C2SP signed-note; a *signing key* (skey) is
``PRIVATE+KEY+name+id+base64(type, seed)`` as Go's ``golang.org/x/mod/sumdb/note`` writes it.
"""

import os
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from freehold.model.errors import FreeholdError, MalformedInput, TrustError
from freehold.updates.tlog import text

_LONGEST_NAME = 255
_LONGEST_KEY = 4096
_SEED_SIZE = 32
_PRIVATE = "PRIVATE+KEY+"


class Kind(IntEnum):
    """What a key signs, and how: the signature types of C2SP signed-note that are used here."""

    NOTE = 0x01
    """Ed25519 over the text of a note: logs."""

    COSIGNATURE = 0x04
    """Ed25519 over a time and a checkpoint: witnesses."""

    COSIGNATURE_ML_DSA_44 = 0x06
    """ML-DSA-44 over a time and a tree: witnesses and logs that outlive quantum computers."""


class _Public(Protocol):
    def verify(self, signature: bytes, data: bytes, /) -> None: ...


class _Private(Protocol):
    def sign(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name.

    Attributes:
        name: of who signs; a URL without scheme by custom.
        kind: what it signs.
        public: the raw key: 32 bytes of Ed25519, 1312 bytes of ML-DSA-44.
        id: four bytes that go before every signature.
    """

    name: str
    kind: Kind
    public: bytes
    id: bytes = field(init=False)
    _key: _Public = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        object.__setattr__(self, "_key", _public_key(self.kind, self.public))
        hashed = sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public)
        object.__setattr__(self, "id", hashed.digest()[:4])

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Read a vkey; raises ``MalformedInput``."""
        name, kind, data, identity = _parts(vkey)
        key = cls(name, kind, data)
        if identity != key.id.hex():
            raise MalformedInput(f"the key of {name} has the id {key.id.hex()}, not {identity[:16]}")
        return key

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_encoded(self.kind, self.public)}"

    def check(self, signature: bytes, message: bytes) -> None:
        """Check a raw signature; raises ``TrustError`` when it is wrong."""
        try:
            self._key.verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise TrustError(f"a signature that claims to be of {self.name} is wrong") from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name; ``repr`` keeps the secret.

    Attributes:
        verifier: its public half.
    """

    verifier: VerifierKey
    _seed: bytes = field(repr=False)
    _key: _Private = field(compare=False, repr=False)

    @classmethod
    def generate(cls, name: str, kind: Kind) -> "SigningKey":
        """Make a new key; raises ``MalformedInput`` for a name that no key may have."""
        return cls.of_seed(name, kind, os.urandom(_SEED_SIZE))

    @classmethod
    def of_seed(cls, name: str, kind: Kind, seed: bytes) -> "SigningKey":
        """Return the key that 32 secret bytes stand for; raises ``MalformedInput``."""
        if len(seed) != _SEED_SIZE:
            raise MalformedInput(f"the seed of a signing key has {_SEED_SIZE} bytes, not {len(seed)}")
        private, public = _private_key(kind, seed)
        return cls(VerifierKey(name, kind, public), seed, private)

    @classmethod
    def parse(cls, skey: str) -> "SigningKey":
        """Read an skey; raises ``MalformedInput``, which never quotes it."""
        if not skey.startswith(_PRIVATE):
            raise MalformedInput(f"a signing key begins with {_PRIVATE}")
        name, kind, seed, identity = _parts(skey.removeprefix(_PRIVATE))
        key = cls.of_seed(name, kind, seed)
        if identity != key.verifier.id.hex():
            raise MalformedInput(f"the signing key of {name} does not fit its id")
        return key

    def secret(self) -> str:
        """Return the skey: whoever knows it can sign in this name."""
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.id.hex()}+{_encoded(self.verifier.kind, self._seed)}"

    def sign(self, message: bytes) -> bytes:
        """Return a raw signature."""
        return self._key.sign(message)


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a key; raises ``MalformedInput``."""
    if not name.isprintable() or " " in name or "+" in name:
        raise MalformedInput(f"the name of a key has neither spaces nor '+': {name[:80]!r}")
    if not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise MalformedInput(f"the name of a key has 1 to {_LONGEST_NAME} bytes")


def _parts(key: str) -> tuple[str, Kind, bytes, str]:
    parts = key.split("+", 2)
    if len(key) > _LONGEST_KEY or len(parts) != 3 or not key.isprintable():
        raise MalformedInput("a key has three parts: name+id+base64")
    name, identity, encoded = parts
    data = text.base64(encoded.encode())
    try:
        kind = Kind(data[0]) if data else None
    except ValueError:
        kind = None
    if kind is None:
        raise MalformedInput(f"the key of {name[:80]} is of a type that is not supported")
    return name, kind, data[1:], identity


def _encoded(kind: Kind, data: bytes) -> str:
    return text.write_base64(bytes([kind]) + data).decode()


def _public_key(kind: Kind, data: bytes) -> _Public:
    try:
        if kind is not Kind.COSIGNATURE_ML_DSA_44:
            return Ed25519PublicKey.from_public_bytes(data)
        try:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
        except ImportError as error:
            raise _too_old() from error
        return MLDSA44PublicKey.from_public_bytes(data)
    except ValueError as error:
        raise MalformedInput(f"{len(data)} bytes are no public key of type {kind:#04x}") from error
    except UnsupportedAlgorithm as error:
        raise _too_old() from error


def _private_key(kind: Kind, seed: bytes) -> tuple[_Private, bytes]:
    if kind is not Kind.COSIGNATURE_ML_DSA_44:
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return key, key.public_key().public_bytes_raw()
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

        quantum = MLDSA44PrivateKey.from_seed_bytes(seed)
    except (ImportError, UnsupportedAlgorithm) as error:
        raise _too_old() from error
    return quantum, quantum.public_key().public_bytes_raw()


def _too_old() -> FreeholdError:
    return FreeholdError("ML-DSA-44 needs a newer version of 'cryptography': pip install 'cryptography>=50'")
