"""Evidence that can be checked on another machine: an audit's record with an Ed25519 signature (RFC 8032).

The key is this machine's own, made when it is first needed, and proves that two records come from the same place and
were not changed. Who wants more pins the fingerprint: ``freehold audit verify --key``.
"""

import base64
import binascii
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from freehold.model import places
from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.responses.audit.record import LARGEST, Record, canonical, checked

_CONTEXT = b"freehold audit 1\n"
"""Stands before what is signed, so that a signature means nothing else."""


class Opened(NamedTuple):
    """A record whose signature is right.

    Attributes:
        record: what was signed.
        fingerprint: of the key that signed.
    """

    record: Record
    fingerprint: str

    @property
    def machine(self) -> tuple[str, str]:
        """What tells machines apart: key and name. Clones have one key, and many machines one name."""
        return self.fingerprint, str(self.record["machine"])


def key_file() -> Path:
    """Return where this user's key lies."""
    return places.state("audit.key")


def seal(record: Record, key: Path) -> bytes:
    """Return a record with its signature, as text; raises ``UsageError`` when there can be no key."""
    private = _private(key)
    signature = private.sign(_CONTEXT + canonical(record))
    public = private.public_key().public_bytes_raw()
    whole = {
        "record": record,
        "key": base64.b64encode(public).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return json.dumps(whole, indent=1, sort_keys=True).encode("ascii") + b"\n"


def unseal(text: bytes) -> Opened:
    """Check a signature and return what it is on.

    Raises:
        MalformedInput: this is no evidence.
        TrustError: the signature is not right, so somebody changed something.
    """
    try:
        whole: Any = json.loads(text) if len(text) <= LARGEST else None
        record = whole["record"]
        public = base64.b64decode(whole["key"], validate=True)
        signature = base64.b64decode(whole["signature"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, _CONTEXT + canonical(record))
    except InvalidSignature as error:
        raise TrustError("the signature is not right: this evidence was changed, or is damaged") from error
    except (KeyError, TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise MalformedInput("this is no evidence of an audit") from error
    return Opened(checked(record), hashlib.sha256(public).hexdigest())


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            made = Ed25519PrivateKey.generate().private_bytes_raw()
            new = path.with_name(f".{path.name}-{os.getpid()}")
            new.touch(mode=0o600, exist_ok=False)
            new.write_bytes(made)
            with suppress(FileExistsError):  # another audit was faster: its key is this machine's
                os.link(new, path)
            new.unlink()
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot use the key {path}: {error}") from error
