"""Keys of people and machines: made, described to others, and opened to sign.

A private key is a PEM file, best encrypted, or stays in a device or a key service that securesystemslib knows
(``hsm:``, ``awskms:``, ``gcpkms:``, ``azurekms:``, ``hv:``). Its public half is a small JSON file, which goes to who
makes the repository; for devices it says where the private half is, too.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.exceptions import Error as SigningError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, Signer, SSlibKey
from tuf.api.metadata import Signed

from freehold.model.errors import FreeholdError, MalformedInput, UsageError
from freehold.updates.content.releases import canonical

PUBLIC_SUFFIX = ".pub"

ABOUT = "freehold"
"""Field of signed metadata that TUF does not know: what Freehold says in it."""

HOLDERS = "holders"
"""In ``ABOUT`` of metadata that lists keys: names of who holds the private halves, by the keys' ids, for people."""

_KEY_BYTES = 64 << 10
_NAME_LENGTH = 64

Secret = Callable[[str], str]
"""Asks for a passphrase or PIN; is told what for."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a key.

    Attributes:
        key: as TUF metadata has it.
        holder: name of who holds the private half.
        uri: where that is, when a device or service keeps it; else "".
    """

    key: Key
    holder: str
    uri: str = ""

    def __post_init__(self) -> None:
        if not self.holder.isprintable() or not 0 < len(self.holder) <= _NAME_LENGTH:
            raise MalformedInput(f"the name of a holder has 1 to {_NAME_LENGTH} printable characters")

    def to_bytes(self) -> bytes:
        """Return the file that goes to others."""
        described = {"keyid": self.key.keyid, **self.key.to_dict(), "holder": self.holder}
        return canonical(described | {"uri": self.uri} if self.uri else described) + b"\n"


def holder(keyid: str, *delegators: Signed) -> str:
    """Return the name of who holds a key, as metadata that lists it says, or the beginning of its id."""
    for delegator in delegators:
        about = delegator.unrecognized_fields.get(ABOUT)
        names = about.get(HOLDERS) if isinstance(about, dict) else None
        name = names.get(keyid) if isinstance(names, dict) else None
        if isinstance(name, str) and name.isprintable() and name:
            return name
    return keyid[:12]


def generate(path: Path, name: str, passphrase: str = "") -> PublicKey:
    """Make an Ed25519 key: the private half at ``path``, the public half beside it.

    Raises:
        UsageError: one of the files is there already, or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    made = PublicKey(SSlibKey.from_crypto(private.public_key()), name)
    public = public_path(path)
    if public.exists():
        raise UsageError(f"{public} is there already; choose another name")
    write_secret(path, pem)
    public.write_bytes(made.to_bytes())
    return made


def public_half(path: Path, name: str, secret: Secret) -> PublicKey:
    """Return the public half of a private key in a file, of whichever tool; raises ``UsageError``."""
    signer = open_signer(path, secret)
    return PublicKey(signer.public_key, name)


def describe(uri: str, name: str, secret: Secret) -> PublicKey:
    """Ask a device or key service for the public half of a key; raises ``UsageError``."""
    scheme = uri.partition(":")[0]
    signer = SIGNER_FOR_URI_SCHEME.get(scheme)
    if signer is None or scheme == CryptoSigner.SCHEME or not hasattr(signer, "import_"):
        raise UsageError(f"{uri}: keys can be in {', '.join(sorted(_DEVICES & SIGNER_FOR_URI_SCHEME.keys()))}")
    try:
        if scheme == "hsm":
            number, _, label = unquote(uri.partition(":")[2]).partition("?label=")
            own, key = signer.import_(int(number or 2), label or None, secret)
        else:
            own, key = signer.import_(uri.partition(":")[2])
    except (SigningError, ValueError, OSError, ImportError) as error:
        raise UsageError(f"{uri}: {error}") from error
    return PublicKey(key, name, own)


_DEVICES = {"awskms", "azurekms", "gcpkms", "hsm", "hv"}


def read_public(path: Path) -> PublicKey:
    """Read the public half of a key; raises ``UsageError``.

    Its id must be the hash of the key, or somebody could count twice with one key.
    """
    try:
        value = json.loads(_read(path))
        keyid, name, uri = value.pop("keyid"), value.pop("holder"), value.pop("uri", "")
        if keyid != hashlib.sha256((encode_canonical(value) or "").encode()).hexdigest():
            raise UsageError(f"{path}: the id of the key is not its hash")
        return PublicKey(Key.from_dict(keyid, value), name, uri)
    except (ValueError, KeyError, TypeError, AttributeError, SigningError, RecursionError, MalformedInput) as error:
        raise UsageError(f"{path} is no public key; 'freehold repo key new' makes a pair") from error


def open_signer(path: Path, secret: Secret) -> Signer:
    """Open a private key: a PEM file, or a public key whose private half a device keeps.

    Raises:
        UsageError: the file is no key, the passphrase is wrong, the device does not answer.
    """
    content = _read(path)
    if content.lstrip().startswith(b"{"):
        public = read_public(path)
        if not public.uri:
            raise UsageError(f"{path} is a public key; to sign, name the private one")
        try:
            return Signer.from_priv_key_uri(public.uri, public.key, secret)
        except (SigningError, ValueError, OSError, ImportError) as error:
            raise UsageError(f"{public.uri}: {error}") from error
    try:
        return CryptoSigner(_private(content, path, secret))
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def _private(content: bytes, path: Path, secret: Secret) -> Any:
    try:
        try:
            return serialization.load_pem_private_key(content, None)
        except TypeError:  # it is encrypted
            return serialization.load_pem_private_key(content, secret(f"passphrase of {path}").encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} cannot be opened: it is no private key in PEM, or the passphrase is wrong") from error


def sign(signer: Signer, payload: bytes) -> Any:
    """Return a signature; raises ``FreeholdError`` when a device or service fails."""
    try:
        return signer.sign(payload)
    except (SigningError, OSError, ValueError) as error:
        raise FreeholdError(f"the key {signer.public_key.keyid[:12]} could not sign: {error}") from error


def public_path(path: Path) -> Path:
    """Return where the public half of a key file lies."""
    return path.with_name(path.name + PUBLIC_SUFFIX)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read; raises ``UsageError`` when it is there already."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; keys are never overwritten") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_KEY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(content) > _KEY_BYTES:
        raise UsageError(f"{path} is too large for a key")
    return content
